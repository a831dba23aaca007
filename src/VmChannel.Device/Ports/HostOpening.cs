using VmChannel.Device.Loop;

namespace VmChannel.Device.Ports;

/// <summary>Whether a guest is told that the host is there: at once when it leaves, and not too soon when somebody comes again.</summary>
/// <remarks>
/// Linux keeps the state alone. A program that is not scheduled between "closed" and "open" never learns that one host
/// has gone and another has come, and takes the bytes of both for one stream. So "closed" lasts for a moment.
/// </remarks>
internal sealed class HostOpening : IDisposable
{
    /// <summary>Time for a guest's program that sleeps at the port to be scheduled, and to ask how things are.</summary>
    public static readonly TimeSpan ShortestClosed = TimeSpan.FromMilliseconds(5);

    private readonly DeviceLoop _loop;
    private readonly LoopTimer _timer;
    private long _closedAt = long.MinValue / 2;

    /// <param name="loop">For the timer.</param>
    /// <param name="due">Called when the moment is over: <see cref="Follow"/> again.</param>
    public HostOpening(DeviceLoop loop, Action due)
    {
        _loop = loop;
        _timer = new LoopTimer(due);
    }

    /// <summary>What the guest is told.</summary>
    public bool IsOpen { get; private set; }

    /// <summary>It will be open in a moment.</summary>
    public bool IsDue { get; private set; }

    /// <summary>The host is there, or not.</summary>
    public void Follow(bool isThere)
    {
        long rest = _closedAt + (long)ShortestClosed.TotalMilliseconds - Environment.TickCount64;
        IsDue = isThere && !IsOpen && rest > 0;
        if (IsDue)
        {
            _loop.Set(_timer, TimeSpan.FromMilliseconds(rest));
            return;
        }

        _closedAt = IsOpen && !isThere ? Environment.TickCount64 : _closedAt;
        IsOpen = isThere;
    }

    /// <summary>A program opened the port. Its kernel may not have heard yet that the host is closed, so the moment begins again.</summary>
    public void OnGuestOpened()
    {
        long now = Environment.TickCount64;
        if (!IsOpen && now - _closedAt < ShortestClosed.TotalMilliseconds)
        {
            _closedAt = now;
        }
    }

    public void Dispose() => _timer.Dispose();
}
