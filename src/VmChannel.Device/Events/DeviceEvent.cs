namespace VmChannel.Device.Events;

/// <summary>One change of one device or port.</summary>
/// <param name="Sequence">1, 2, 3, … without gaps, over all VMs of a server process.</param>
/// <param name="Time">When it was noticed, UTC.</param>
/// <param name="Vm">The VM's name.</param>
/// <param name="Port">The port's number; null when it is about the device.</param>
/// <param name="Protocol">The port's name; null when it has none.</param>
/// <param name="Kind">What happened.</param>
/// <param name="Cause">Why, for people; null when the kind says it all.</param>
/// <param name="Generation">Of a guest-open or host-open: how many there were on this port, this one included.</param>
public sealed record DeviceEvent(
    long Sequence,
    DateTimeOffset Time,
    string Vm,
    int? Port,
    string? Protocol,
    DeviceEventKind Kind,
    string? Cause,
    long? Generation);

/// <summary>What a reader of the journal gets.</summary>
/// <param name="Event">The event.</param>
/// <param name="Missed">Events just before it that this reader was too slow for.</param>
public readonly record struct JournalEntry(DeviceEvent Event, long Missed);
