namespace VmChannel.Device.Virtqueues;

/// <summary>The batches of all devices of a loop: each is used within one turn and empty between turns. Loop thread only.</summary>
/// <remarks>A batch is 20 KiB: for each device its own, a thousand idle ones would hold 40 MiB.</remarks>
internal sealed class LoopBatches
{
    /// <summary>Of ports.</summary>
    public ChainBatch Ports { get; } = new();

    /// <summary>Of control queues.</summary>
    /// <remarks>Another one: a host end that hangs up while a port's batch is being written has PORT_OPEN sent in the middle of that.</remarks>
    public ChainBatch Control { get; } = new();
}
