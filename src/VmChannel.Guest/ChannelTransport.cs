namespace VmChannel.Guest;

/// <summary>What carries a channel between the virtual machine and its host.</summary>
public enum ChannelTransport
{
    /// <summary>A named port of a virtio-serial device, <c>/dev/vport0p4</c>.</summary>
    VirtioSerial,

    /// <summary>A USB serial adapter whose product string is <c>vmchannel:NAME</c>, <c>/dev/ttyUSB0</c> or <c>/dev/ttyACM0</c>.</summary>
    UsbSerial,

    /// <summary>A unix socket in the folder that <c>VMCHANNEL_DIR</c> names: for tests of programs, without a virtual machine.</summary>
    UnixSocket,
}
