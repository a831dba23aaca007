namespace VmChannel.Device.Channels;

/// <summary>A client of a channel besides its host end, as it was at the last change of who is there. Any thread.</summary>
/// <param name="Id">Counts up from 1 over a channel's life; never used twice.</param>
/// <param name="Description">Who it is, for people.</param>
/// <param name="Since">When it came.</param>
/// <param name="Access">What it was given.</param>
/// <param name="IsHolder">It takes the guest's bytes from guest memory, and the guest waits when it does.</param>
/// <param name="MayWrite">What it sends goes to the guest.</param>
/// <param name="IsWaiting">Its turn has not come (<see cref="ClientAccess.Queued"/>).</param>
/// <param name="Counters">Go on counting.</param>
public sealed record ClientState(
    int Id, string Description, DateTimeOffset Since, ClientAccess Access, bool IsHolder, bool MayWrite, bool IsWaiting, ClientCounters Counters);

/// <summary>What went to and from a client. Written on the loop thread; a reader elsewhere sees values that are a moment old.</summary>
public sealed class ClientCounters
{
    /// <summary>Bytes of the guest it took, those from the history included.</summary>
    public long TakenBytes { get; internal set; }

    /// <summary>Bytes it sent that went to the guest.</summary>
    public long GivenBytes { get; internal set; }

    /// <summary>Bytes it sent that went nowhere, because it may not write.</summary>
    public long DroppedInputBytes { get; internal set; }

    /// <summary>Bytes of the guest that it has not taken yet.</summary>
    public long BehindBytes { get; internal set; }
}
