namespace VmChannel.Device.Ports;

/// <summary>What carries a port to its guest.</summary>
public enum PortTransport
{
    /// <summary>A port of the VM's virtio-serial device.</summary>
    VirtioSerial,

    /// <summary>A USB serial adapter of its own.</summary>
    UsbSerial,
}
