namespace VmChannel.Device.Options;

/// <summary>What differs between two plans of a port.</summary>
[Flags]
public enum PortDifference
{
    None = 0,

    /// <summary>Number, name, kind, transport or adapter: another port, so the old one is unplugged and a new one plugged.</summary>
    Identity = 1,

    /// <summary>What serves it: another host end takes the old one's place.</summary>
    HostEnd = 2,

    /// <summary>What happens while nobody is there, and when the guest closes the port: <c>Port.Apply</c>.</summary>
    Policy = 4,

    /// <summary>Limits and access: <c>Port.Apply</c>.</summary>
    Limits = 8,

    /// <summary>The log file: <c>Port.Apply</c>.</summary>
    LogFile = 16,
}
