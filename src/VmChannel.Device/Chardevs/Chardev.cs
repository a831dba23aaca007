using Microsoft.Extensions.Logging;
using VmChannel.Device.Channels;
using VmChannel.Device.Loop;
using VmChannel.Native;

namespace VmChannel.Device.Chardevs;

/// <summary>A host end made of descriptors that the loop serves itself: bytes go between them and guest memory without a copy.</summary>
/// <remarks>
/// Read and Write only try and remember. What they find out (an end, an error, perhaps more) is acted upon in a turn of
/// its own, so that nobody is woken from inside a call it makes.
/// </remarks>
public abstract class Chardev : HostEnd
{
    private readonly LoopTurn _look;
    private StreamDescriptor? _input;
    private StreamDescriptor? _output;

    protected Chardev(DeviceLoop loop, ILogger log)
    {
        Loop = loop;
        Log = log;
        _look = new LoopTurn(Look);
    }

    public sealed override bool HasInput => _input is { IsReadEnded: false } input && !input.IsEmpty();

    public sealed override bool IsLeaving => _output is { IsHungUp: true } or { WriteError: not Errno.None };

    protected DeviceLoop Loop { get; }

    protected ILogger Log { get; }

    protected bool IsAttached => _input is not null || _output is not null;

    protected bool IsDisposed { get; private set; }

    /// <summary>Another end serves the channel: nobody new is let in.</summary>
    protected bool IsRetired { get; private set; }

    /// <summary>Its descriptor is closed once the other side has closed it, too.</summary>
    protected bool IsLingering { get; private set; }

    /// <summary>When the other side ends what it sends, it is gone: TCP tells a half close from a disconnect by nothing else.</summary>
    protected virtual bool EndOfInputCloses => false;

    private protected StreamDescriptor? Input => _input;

    private protected StreamDescriptor? Output => _output;

    public sealed override long Write(ReadOnlySpan<IoVector> source)
    {
        bool look = false;
        long taken = _output?.Write(source, out look) ?? 0;
        if (look)
        {
            Loop.Schedule(_look);
        }

        return taken;
    }

    public sealed override long Read(ReadOnlySpan<IoVector> destination)
    {
        bool look = false;
        long given = _input?.Read(destination, out look) ?? 0;
        if (look)
        {
            Loop.Schedule(_look);
        }

        return given;
    }

    public sealed override long Retire()
    {
        IsRetired = true;
        OnRetired();
        return _input?.Retire(keepsReading: EndOfInputCloses) ?? 0;
    }

    public override void EndConnection(string reason)
    {
        if (_output is not { IsSocket: true } socket)
        {
            return;
        }

        CountUnread(socket.EndConnection(keepsReading: EndOfInputCloses));
        Close(lingers: EndOfInputCloses);
        SetOpen(false, $"{Description}: {reason}");
        if (!IsRetired)
        {
            OnDetached();
        }
    }

    /// <summary>Begins to serve these descriptors, which are owned from here on, and tells the channel that somebody is there.</summary>
    /// <param name="input">Bytes for the guest come from here; may be the same object as <paramref name="output"/>.</param>
    /// <param name="output">Bytes of the guest go here.</param>
    /// <param name="detail">Who is there, for the log.</param>
    /// <exception cref="HostEndException">The descriptor is of a kind that cannot be served.</exception>
    protected void Attach(FileDescriptor? input, FileDescriptor? output, string detail)
    {
        if (input is not null && ReferenceEquals(input, output))
        {
            _input = _output = Watch(input, EpollEvents.In | EpollEvents.Out | EpollEvents.ReadHangUp);
        }
        else
        {
            _input = input is null ? null : Watch(input, EpollEvents.In | EpollEvents.ReadHangUp);
            _output = output is null ? null : Watch(output, EpollEvents.Out);
        }

        SetOpen(true, detail);
    }

    /// <summary>Why the host end is closed from now on, or null when it stays.</summary>
    protected virtual string? FindEnd()
    {
        bool outputOver = _output is null || _output.IsHungUp || _output.WriteError != Errno.None;

        // What the other side sent before it left is read first, however long the guest takes to want it.
        bool inputOver = _input is null || _input.IsReadEnded
            || ((outputOver || _input.IsReadHungUp || _input.IsHungUp) && _input.IsEmpty());
        return inputOver && (outputOver || (EndOfInputCloses && _input is not null)) ? EndReason() : null;
    }

    /// <summary>Called after the descriptors are closed and the channel knows.</summary>
    protected virtual void OnDetached()
    {
    }

    /// <summary>Stops listening, connecting and whatever else brings somebody new.</summary>
    protected virtual void OnRetired()
    {
    }

    /// <summary>Decides what became of the host end, and wakes the channel.</summary>
    protected void Look()
    {
        if (!IsAttached)
        {
            return;
        }

        if (FindEnd() is not string reason)
        {
            Wake();
            return;
        }

        Close(lingers: IsRetired && EndOfInputCloses);
        SetOpen(false, $"{Description}: {reason}");
        if (!IsRetired)
        {
            OnDetached();
        }
    }

    protected override void Dispose(bool disposing)
    {
        IsDisposed = true;
        Close(lingers: IsRetired && EndOfInputCloses);
        base.Dispose(disposing);
    }

    private StreamDescriptor Watch(FileDescriptor fd, EpollEvents interest)
    {
        StreamDescriptor stream = new(fd, Look);
        PosixResult result = fd.SetNonBlocking(true);
        if (result.IsSuccess)
        {
            result = stream.Watch(Loop, interest);
        }

        if (!result.IsSuccess)
        {
            stream.Dispose();
            throw new HostEndException($"{Description}: this kind of file cannot be served ({result.Message})");
        }

        return stream;
    }

    private void Close(bool lingers)
    {
        if (lingers && _output is { IsHungUp: false } output)
        {
            // What the guest wrote last is still on its way, and a reset would overtake it.
            LingeringSocket.Take(Loop, output.Release(), CountUnread);
            IsLingering = true;
        }

        _input?.Dispose();
        _output?.Dispose();
        _input = null;
        _output = null;
    }

    private string EndReason()
    {
        Errno error = _output is { WriteError: not Errno.None } ? _output.WriteError : _input?.ReadError ?? Errno.None;
        return error is Errno.None or Errno.BrokenPipe or Errno.ConnectionReset or Errno.InputOutput
            ? "the other side has left"
            : new PosixResult(-1, error).Message;
    }
}
