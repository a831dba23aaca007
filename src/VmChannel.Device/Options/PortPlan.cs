using VmChannel.Device.Chardevs;
using VmChannel.Device.Ports;

namespace VmChannel.Device.Options;

/// <summary>A port with its number and what will serve it: a chardev, or else a service by name. Nothing is opened yet.</summary>
/// <remarks>Two plans are equal when they make the same port, whatever option each came from.</remarks>
/// <param name="Spec">Number, name, limits and policy.</param>
/// <param name="Origin">The option it came from, for messages.</param>
/// <param name="Chardev">The chardev, or null.</param>
/// <param name="Service">The service when there is no chardev.</param>
/// <param name="ServiceOptions">Options of the service.</param>
public sealed record PortPlan(
    PortSpec Spec, string Origin, ChardevSpec? Chardev, string? Service, IReadOnlyDictionary<string, string> ServiceOptions)
{
    public bool Equals(PortPlan? other) => other is not null && DifferenceTo(other) == PortDifference.None;

    public override int GetHashCode() => HashCode.Combine(Spec, Chardev, Service, ServiceOptions.Count);

    /// <summary>What has to be done to a port of this plan to make it one of the other.</summary>
    public PortDifference DifferenceTo(PortPlan other)
    {
        PortDifference difference = PortDifference.None;
        Note(PortDifference.Identity, (Spec.Number, Spec.Protocol, Spec.IsConsole, Spec.Transport, Spec.Adapter)
            == (other.Spec.Number, other.Spec.Protocol, other.Spec.IsConsole, other.Spec.Transport, other.Spec.Adapter));
        Note(PortDifference.HostEnd, Chardev == other.Chardev && Service == other.Service && HasOptionsOf(other));
        Note(PortDifference.Policy, (Spec.OnDisconnect, Spec.OnGuestClose) == (other.Spec.OnDisconnect, other.Spec.OnGuestClose));
        Note(PortDifference.Limits, Spec.Limits == other.Spec.Limits);
        Note(PortDifference.LogFile, Spec.LogFile == other.Spec.LogFile);
        return difference;

        void Note(PortDifference part, bool isSame) => difference |= isSame ? PortDifference.None : part;
    }

    private bool HasOptionsOf(PortPlan other)
        => ServiceOptions.Count == other.ServiceOptions.Count
            && ServiceOptions.All(option => other.ServiceOptions.TryGetValue(option.Key, out string? value) && value == option.Value);
}
