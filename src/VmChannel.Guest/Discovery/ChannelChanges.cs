using VmChannel.Native;
using VmChannel.Wire;

namespace VmChannel.Guest;

/// <summary>Tells one waiter when it is time to look at the channels again.</summary>
/// <remarks>
/// The kernel's events about devices wake it, through the poller's thread; where they cannot be had (in some containers, and for
/// sockets in a folder) it is the clock. Made before the first look: what changes between look and wait is not missed.
/// </remarks>
internal sealed class ChannelChanges : IPolled, IDisposable
{
    // Where there are no events.
    private static readonly TimeSpan SampleInterval = TimeSpan.FromMilliseconds(100);

    private readonly SemaphoreSlim _changed = new(0, 1);
    private readonly UeventSocket? _events;
    private readonly ulong _key;
    private bool _isDisposed;

    public ChannelChanges()
    {
        if (SocketFolder.Path is null && UeventSocket.Open(out _events).IsSuccess)
        {
            _key = ChannelPoller.Shared.Add(this);
            _ = ChannelPoller.Shared.Watch(_key, _events!.Descriptor).OrThrow("wait for kernel events");
        }
    }

    /// <summary>Waits until something may have changed.</summary>
    /// <param name="atMost">Come back by then in any case; infinite is never.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    public async ValueTask WaitAsync(TimeSpan atMost, CancellationToken cancellationToken)
    {
        TimeSpan time = _events is null && (atMost < TimeSpan.Zero || atMost > SampleInterval) ? SampleInterval : atMost;
        _ = await _changed.WaitAsync(time, cancellationToken);
    }

    /// <summary>Says itself that something has changed. Any thread.</summary>
    public void Tell()
    {
        lock (_changed)
        {
            if (!_isDisposed && _changed.CurrentCount == 0)
            {
                _ = _changed.Release();
            }
        }
    }

    void IPolled.OnReady(EpollEvents events)
    {
        if (TakeAll())
        {
            Tell();
        }
    }

    long IPolled.OnTime(long now) => ChannelFile.Never;

    public void Dispose()
    {
        if (_events is not null)
        {
            ChannelPoller.Shared.Remove(_key, _events.Descriptor);
            _events.Dispose();
        }

        lock (_changed)
        {
            _isDisposed = true;
            _changed.Dispose();
        }
    }

    // Edge-triggered: all that wait, or none would be told of again.
    private bool TakeAll()
    {
        Span<byte> message = stackalloc byte[UeventSocket.MaxEventBytes];
        bool isNews = false;
        while (true)
        {
            PosixResult received;
            try
            {
                received = _events!.Receive(message);
            }
            catch (ObjectDisposedException)
            {
                return false;
            }

            if (received.Error == Errno.NoBufferSpace)
            {
                // Events were lost, perhaps one of ours.
                isNews = true;
            }
            else if (!received.IsSuccess)
            {
                return isNews;
            }
            else
            {
                isNews |= Uevent.TryRead(message[..(int)received.Value], out Uevent uevent) && IsAboutChannels(uevent.Subsystem);
            }
        }
    }

    private static bool IsAboutChannels(ReadOnlySpan<byte> subsystem) => subsystem.SequenceEqual("virtio-ports"u8) || subsystem.SequenceEqual("tty"u8);
}
