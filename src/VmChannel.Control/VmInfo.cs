namespace VmChannel.Control;

/// <summary>A VM in a few words; <see cref="VmInspection"/> has everything.</summary>
/// <param name="Name">Unique in its server.</param>
/// <param name="Endpoint">Where its VMM is met, such as a socket's path.</param>
/// <param name="State">How far it is.</param>
/// <param name="Ports">Ports that are plugged in.</param>
/// <param name="OpenPorts">Those of them that a program in the guest has open.</param>
/// <param name="StalledPorts">Those of them where bytes wait and none move.</param>
/// <param name="MaxPorts">Ports there is room for: numbers are below it.</param>
/// <param name="FrontEnd">The VMM's process, such as <c>qemu-system-x86 (pid 1234)</c>; null when none is connected.</param>
/// <param name="Transport">What carries its ports: <c>vhost-user</c>, <c>qmp</c> (QEMU's own virtio-serial) or <c>sockets</c>.</param>
public sealed record VmInfo(
    string Name, string Endpoint, VmState State, int Ports, int OpenPorts, int StalledPorts, int MaxPorts, string? FrontEnd = null,
    string Transport = "vhost-user")
{
    /// <summary>The folder where its VMM fetches USB adapters, each at <c>NAME.sock</c>; null when it has none, or one place for them.</summary>
    public string? UsbFolder { get; init; }
}

/// <summary>How far a VM is.</summary>
[System.Text.Json.Serialization.JsonConverter(typeof(KebabCase<VmState>))]
public enum VmState
{
    /// <summary>No VMM is connected.</summary>
    NotConnected,

    /// <summary>A VMM is connected; its guest has no driver for the device yet.</summary>
    Connected,

    /// <summary>The guest's driver runs.</summary>
    Running,

    /// <summary>The guest is paused: its queues do not run.</summary>
    Suspended,

    /// <summary>The guest broke the device; only its driver can start it again.</summary>
    Broken,
}
