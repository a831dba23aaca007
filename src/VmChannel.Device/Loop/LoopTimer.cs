namespace VmChannel.Device.Loop;

/// <summary>Something that happens once, later, on the loop thread. Disposing cancels it.</summary>
public sealed class LoopTimer(Action elapsed) : IDisposable
{
    private Action? _elapsed = elapsed;

    public void Dispose() => _elapsed = null;

    internal void Fire()
    {
        Action? elapsed = _elapsed;
        _elapsed = null;
        elapsed?.Invoke();
    }
}
