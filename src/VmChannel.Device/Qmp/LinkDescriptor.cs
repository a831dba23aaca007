using VmChannel.Device.Loop;
using VmChannel.Native;

namespace VmChannel.Device.Qmp;

/// <summary>A descriptor between this process and the VMM, and what is known of it between two reports of the loop. Loop thread only.</summary>
internal sealed class LinkDescriptor : IReadiness, IDisposable
{
    private readonly FileDescriptor _fd;
    private readonly Action _changed;
    private readonly Registration? _registration;
    private readonly bool _isSocket;

    /// <param name="loop">Watches it.</param>
    /// <param name="fd">Non-blocking; owned from here on.</param>
    /// <param name="interest">Directions that are used.</param>
    /// <param name="changed">Called when the loop told something.</param>
    /// <exception cref="IOException">It cannot be watched.</exception>
    public LinkDescriptor(DeviceLoop loop, FileDescriptor fd, EpollEvents interest, Action changed)
    {
        _fd = fd;
        _changed = changed;
        _isSocket = fd.Kind() == FileKind.Socket;
        _ = loop.Add(fd, interest, this, out _registration).OrThrow("epoll_ctl");
    }

    /// <summary>Reading is worth a try.</summary>
    public bool CanRead { get; private set; } = true;

    /// <summary>Writing is worth a try.</summary>
    public bool CanWrite { get; private set; } = true;

    /// <summary>The other side is gone; what it sent before can still be read.</summary>
    public bool IsHungUp { get; private set; }

    /// <summary>Everything that ever comes was read.</summary>
    public bool IsEnded { get; private set; }

    /// <summary>Nothing is there to be read now.</summary>
    public bool IsEmpty => _fd.Available() is not { IsSuccess: true, Value: > 0 };

    /// <summary>Reads into a piece of memory. Returns the bytes read.</summary>
    public long Read(IoVector room)
    {
        PosixResult result = CanRead && !IsEnded ? _fd.Read([room]) : default;
        if (result.Value <= 0)
        {
            IsEnded |= CanRead && !result.IsAgain;
            CanRead = false;
        }

        return Math.Max(0, result.Value);
    }

    /// <summary>Writes a piece of memory. Returns the bytes written.</summary>
    public long Write(IoVector bytes)
    {
        PosixResult result = CanWrite && !IsHungUp ? _fd.Write([bytes]) : default;
        if (result.Value < bytes.Length)
        {
            // A pipe or socket that takes less than it was offered is full, and reports the next change of that.
            IsHungUp |= CanWrite && !result.IsSuccess && !result.IsAgain;
            CanWrite = false;
        }

        return Math.Max(0, result.Value);
    }

    /// <summary>The other side has not read all that was written.</summary>
    public bool HasUnread => (_isSocket ? _fd.Unsent() : _fd.Available()).Value > 0;

    public void OnReady(EpollEvents events)
    {
        bool isOver = (events & (EpollEvents.HangUp | EpollEvents.Error | EpollEvents.ReadHangUp)) != 0;
        IsHungUp |= isOver;
        CanRead |= isOver || (events & EpollEvents.In) != 0;
        CanWrite |= (events & EpollEvents.Out) != 0;
        _changed();
    }

    public void Dispose()
    {
        _registration?.Dispose();
        _fd.Dispose();
    }
}
