using VmChannel.Native;

namespace VmChannel.Device.Loop;

/// <summary>A descriptor the loop watches. Disposing stops the watching; the descriptor stays its owner's.</summary>
public sealed class Registration : IDisposable
{
    private readonly DeviceLoop _loop;

    internal Registration(DeviceLoop loop, FileDescriptor fd, IReadiness handler, ulong key)
    {
        _loop = loop;
        Fd = fd;
        Handler = handler;
        Key = key;
    }

    internal FileDescriptor Fd { get; }

    internal IReadiness Handler { get; }

    internal ulong Key { get; }

    /// <summary>Loop thread: watches for something else. What is ready now is reported again.</summary>
    public void Change(EpollEvents events, Trigger trigger = Trigger.Edge) => _loop.Change(this, events, trigger);

    public void Dispose() => _loop.Remove(this);
}
