namespace VmChannel.Control;

/// <summary>Somebody who is served by a port besides its host end, or waits to be.</summary>
/// <param name="Id">Counts up from 1 over a port's life; never used twice.</param>
/// <param name="Description">Who it is, for people.</param>
/// <param name="Since">When it came, UTC.</param>
/// <param name="IsHolder">It takes the guest's bytes first, and the guest waits when it does.</param>
/// <param name="MayWrite">What it sends goes to the guest.</param>
/// <param name="IsWaiting">Its turn has not come.</param>
/// <param name="TakenBytes">Bytes of the guest it took, those from the history included.</param>
/// <param name="GivenBytes">Bytes it sent that went to the guest.</param>
/// <param name="DroppedInputBytes">Bytes it sent that went nowhere, because it may not write.</param>
/// <param name="BehindBytes">Bytes of the guest that it has not taken yet.</param>
public sealed record ClientInfo(
    int Id, string Description, DateTimeOffset Since, bool IsHolder, bool MayWrite, bool IsWaiting,
    long TakenBytes, long GivenBytes, long DroppedInputBytes, long BehindBytes);
