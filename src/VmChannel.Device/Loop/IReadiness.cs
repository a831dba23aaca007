using VmChannel.Native;

namespace VmChannel.Device.Loop;

/// <summary>Told when a registered descriptor becomes ready. Loop thread only.</summary>
public interface IReadiness
{
    /// <summary>The descriptor's state changed. Edge-triggered: act until the operation would block, or remember.</summary>
    void OnReady(EpollEvents events);
}
