namespace VmChannel.Wire.UsbRedir;

/// <summary>What a side can do, as masks of the first word of its capabilities. What only one side can do does not happen.</summary>
/// <remarks>usbredir protocol 0.7, <c>usb_redir_cap_*</c>.</remarks>
[Flags]
public enum UsbRedirCapabilities : uint
{
    None = 0,

    /// <summary>Streams of USB 3.</summary>
    BulkStreams = 1 << 0,

    /// <summary><see cref="UsbRedirType.DeviceConnect"/> has the device's version.</summary>
    ConnectDeviceVersion = 1 << 1,

    /// <summary><see cref="UsbRedirType.FilterReject"/> and <see cref="UsbRedirType.FilterFilter"/>.</summary>
    Filter = 1 << 2,

    /// <summary><see cref="UsbRedirType.DeviceDisconnectAck"/>; the host waits for it before it connects the next device.</summary>
    DeviceDisconnectAck = 1 << 3,

    /// <summary><see cref="UsbRedirType.EndpointInfo"/> has packet sizes.</summary>
    EndpointMaxPacketSize = 1 << 4,

    /// <summary>Headers have ids of 64 bits.</summary>
    WideIds = 1 << 5,

    /// <summary>Bulk packets have lengths of 32 bits.</summary>
    WideBulkLength = 1 << 6,

    /// <summary>The host reads bulk endpoints by itself.</summary>
    BulkReceiving = 1 << 7,
}
