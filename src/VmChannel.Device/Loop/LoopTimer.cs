namespace VmChannel.Device.Loop;

/// <summary>Something that happens later, on the loop thread. Disposing cancels it for good.</summary>
/// <remarks>One that has fired may be set again with <see cref="DeviceLoop.Set"/>, so that who needs it often makes it once.</remarks>
public sealed class LoopTimer(Action elapsed) : IDisposable
{
    private Action? _elapsed = elapsed;

    /// <summary>It is set and has not fired yet.</summary>
    public bool IsPending { get; internal set; }

    public void Dispose() => _elapsed = null;

    internal void Fire()
    {
        IsPending = false;
        _elapsed?.Invoke();
    }
}
