using VmChannel.Device.Options;
using VmChannel.Device.Ports;

namespace VmChannel.Cli.Serve;

/// <summary>A port that is plugged in, and how it was asked for.</summary>
/// <param name="Plan">As it is now, all changes included.</param>
/// <param name="Port">The port itself; what it does belongs to the loop.</param>
internal sealed record ServedPort(PortPlan Plan, Port Port);
