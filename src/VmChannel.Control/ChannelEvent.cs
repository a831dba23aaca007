namespace VmChannel.Control;

/// <summary>One change of a VM or one of its ports.</summary>
/// <param name="Id">1, 2, 3, … without gaps, over all VMs of a server.</param>
/// <param name="Time">UTC.</param>
/// <param name="Vm">The VM.</param>
/// <param name="Kind">What happened, such as <c>guest-opened</c>. A newer server may know more kinds.</param>
/// <param name="Port">Its number; null when the event is about the device.</param>
/// <param name="Protocol">The port's name, if it has one.</param>
/// <param name="Cause">Why, for people.</param>
/// <param name="Generation">Of a guest-opened or host-opened: how many there were, this one included.</param>
public sealed record ChannelEvent(
    long Id, DateTimeOffset Time, string Vm, string Kind, int? Port = null, string? Protocol = null, string? Cause = null, long? Generation = null);

/// <summary>A listener was too slow: so many events happened that it will not get.</summary>
public sealed record MissedEvents(long Count);

/// <summary>What a listener gets: an event, or how many it missed just before the next one.</summary>
public readonly record struct EventMessage(ChannelEvent? Event, MissedEvents? Missed);
