using VmChannel.Device.Options;
using VmChannel.Device.VirtioSerial;

namespace VmChannel.Cli.Serve;

/// <summary>A device as it was asked for, with everything checked that can be checked without opening anything.</summary>
internal sealed record DevicePlan(VirtioSerialSettings Settings, IReadOnlyCollection<PortPlan> Ports);
