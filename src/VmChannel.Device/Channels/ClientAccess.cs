namespace VmChannel.Device.Channels;

/// <summary>What a client of a channel is given, beside or instead of the host end.</summary>
public enum ClientAccess
{
    /// <summary>Is served when its turn comes: after the host end has left, and after those that queued before it.</summary>
    Queued,

    /// <summary>Sees the guest's bytes; what it sends goes to the guest while it holds the channel, and nowhere otherwise.</summary>
    Shared,

    /// <summary>Sees the guest's bytes, and what it sends always goes to the guest.</summary>
    Writer,

    /// <summary>Sees the guest's bytes; what it sends goes nowhere.</summary>
    Observer,
}

/// <summary>Somebody who came to a host end that takes several (<see cref="HostEnd.TakeClient"/>).</summary>
/// <param name="End">Not started yet; owned by who takes it.</param>
/// <param name="Access">What it is given.</param>
public readonly record struct ClientArrival(HostEnd End, ClientAccess Access);
