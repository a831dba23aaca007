using VmChannel.Device.Loop;

namespace VmChannel.Device.Pipes;

/// <summary>Async code's way to make the loop look again: any number of requests until it does are one.</summary>
internal sealed class LoopWake
{
    private readonly DeviceLoop _loop;
    private readonly Action _onPosted;
    private int _isPosted;
    private bool _isEnded;

    /// <param name="loop">Where the look happens.</param>
    /// <param name="look">Loop thread.</param>
    public LoopWake(DeviceLoop loop, Action look)
    {
        _loop = loop;
        _onPosted = () =>
        {
            // Cleared first: what becomes ready after this line posts again.
            _ = Interlocked.Exchange(ref _isPosted, 0);
            look();
        };
        Request = Post;
    }

    /// <summary>Any thread.</summary>
    public Action Request { get; }

    /// <summary>Any thread: nobody looks any more. The loop may be over by then.</summary>
    public void End() => Volatile.Write(ref _isEnded, true);

    private void Post()
    {
        if (!Volatile.Read(ref _isEnded) && Interlocked.Exchange(ref _isPosted, 1) == 0)
        {
            _loop.Post(_onPosted);
        }
    }
}
