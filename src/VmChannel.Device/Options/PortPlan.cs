using VmChannel.Device.Chardevs;
using VmChannel.Device.Ports;

namespace VmChannel.Device.Options;

/// <summary>A port with its number and what will serve it: a chardev, or else a service by name. Nothing is opened yet.</summary>
/// <param name="Spec">Number, name and policy.</param>
/// <param name="Origin">The option it came from, for messages.</param>
/// <param name="Chardev">The chardev, or null.</param>
/// <param name="Service">The service when there is no chardev.</param>
/// <param name="ServiceOptions">Options of the service.</param>
public sealed record PortPlan(
    PortSpec Spec, string Origin, ChardevSpec? Chardev, string? Service, IReadOnlyDictionary<string, string> ServiceOptions);
