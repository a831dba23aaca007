namespace VmChannel.Wire.UsbRedir;

/// <summary>Kind of a packet (wire field <c>type</c>).</summary>
/// <remarks>
/// usbredir protocol 0.7, <c>usb_redir_*</c>. The "guest" is the side with the virtual machine, the "host" the one with the device.
/// A peer may send any value.
/// </remarks>
public enum UsbRedirType : uint
{
    /// <summary>Both: version and capabilities, first of all.</summary>
    Hello = 0,

    /// <summary>Host: a device is there, of which interfaces and endpoints were told before.</summary>
    DeviceConnect = 1,

    /// <summary>Host: the device is gone.</summary>
    DeviceDisconnect = 2,

    /// <summary>Guest: reset the device.</summary>
    Reset = 3,

    /// <summary>Host: the interfaces of the current configuration.</summary>
    InterfaceInfo = 4,

    /// <summary>Host: the endpoints of the current configuration.</summary>
    EndpointInfo = 5,

    /// <summary>Guest: choose a configuration.</summary>
    SetConfiguration = 6,

    /// <summary>Guest: which configuration is it.</summary>
    GetConfiguration = 7,

    /// <summary>Host: answers both.</summary>
    ConfigurationStatus = 8,

    /// <summary>Guest: choose an alternate setting of an interface.</summary>
    SetAltSetting = 9,

    /// <summary>Guest: which alternate setting is it.</summary>
    GetAltSetting = 10,

    /// <summary>Host: answers both.</summary>
    AltSettingStatus = 11,

    /// <summary>Guest.</summary>
    StartIsoStream = 12,

    /// <summary>Guest.</summary>
    StopIsoStream = 13,

    /// <summary>Host: answers both.</summary>
    IsoStreamStatus = 14,

    /// <summary>Guest.</summary>
    StartInterruptReceiving = 15,

    /// <summary>Guest.</summary>
    StopInterruptReceiving = 16,

    /// <summary>Host: answers both.</summary>
    InterruptReceivingStatus = 17,

    /// <summary>Guest, with a capability.</summary>
    AllocBulkStreams = 18,

    /// <summary>Guest, with a capability.</summary>
    FreeBulkStreams = 19,

    /// <summary>Host: answers both.</summary>
    BulkStreamsStatus = 20,

    /// <summary>Guest: give up the transfer with this id.</summary>
    CancelDataPacket = 21,

    /// <summary>Guest, with a capability: the device is not welcome.</summary>
    FilterReject = 22,

    /// <summary>Both, with a capability: which devices are welcome.</summary>
    FilterFilter = 23,

    /// <summary>Guest, with a capability: it knows that the device is gone.</summary>
    DeviceDisconnectAck = 24,

    /// <summary>Guest, with a capability.</summary>
    StartBulkReceiving = 25,

    /// <summary>Guest, with a capability.</summary>
    StopBulkReceiving = 26,

    /// <summary>Host: answers both.</summary>
    BulkReceivingStatus = 27,

    /// <summary>Both: a control transfer, then its outcome under the same id.</summary>
    ControlPacket = 100,

    /// <summary>Both: a bulk transfer, then its outcome.</summary>
    BulkPacket = 101,

    /// <summary>Both.</summary>
    IsoPacket = 102,

    /// <summary>Both.</summary>
    InterruptPacket = 103,

    /// <summary>Host, with a capability.</summary>
    BufferedBulkPacket = 104,
}
