namespace VmChannel.Bench.Guests;

/// <summary>One way from the guest to the host.</summary>
/// <param name="Port">The port's name in the guest.</param>
/// <param name="Peer">The program at its host end; null when the device itself is the end.</param>
internal sealed record Contestant(string Port, HostPeer? Peer);
