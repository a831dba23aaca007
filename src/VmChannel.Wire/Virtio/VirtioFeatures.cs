namespace VmChannel.Wire.Virtio;

/// <summary>Device-independent feature bits, as masks.</summary>
/// <remarks>VIRTIO 1.3 §6, and the vhost-user specification for <see cref="ProtocolFeatures"/> and <see cref="LogAll"/>.</remarks>
[Flags]
public enum VirtioFeatures : ulong
{
    None = 0,

    /// <summary>VHOST_F_LOG_ALL: front-end's affair, but QEMU shows it to the guest.</summary>
    LogAll = 1UL << 26,

    /// <summary>VIRTIO_F_INDIRECT_DESC (VIRTIO_RING_F_INDIRECT_DESC): a descriptor may point to a table of descriptors.</summary>
    IndirectDescriptors = 1UL << 28,

    /// <summary>VIRTIO_F_EVENT_IDX: each side names the index at which it wants to be told.</summary>
    EventIndex = 1UL << 29,

    /// <summary>VHOST_USER_F_PROTOCOL_FEATURES: never seen by the guest.</summary>
    ProtocolFeatures = 1UL << 30,

    /// <summary>VIRTIO_F_VERSION_1.</summary>
    Version1 = 1UL << 32,

    /// <summary>VIRTIO_F_IN_ORDER: the device uses buffers in the order in which they became available.</summary>
    InOrder = 1UL << 35,
}

/// <summary>Feature bits of the console device (virtio id 3), as masks.</summary>
/// <remarks>VIRTIO 1.3 §5.3.3.</remarks>
[Flags]
public enum ConsoleFeatures : ulong
{
    None = 0,

    /// <summary>VIRTIO_CONSOLE_F_SIZE: cols and rows of the configuration space are valid.</summary>
    Size = 1UL << 0,

    /// <summary>VIRTIO_CONSOLE_F_MULTIPORT: more than one port, and control queues.</summary>
    MultiPort = 1UL << 1,

    /// <summary>VIRTIO_CONSOLE_F_EMERG_WRITE: the driver may write characters to emerg_wr.</summary>
    EmergencyWrite = 1UL << 2,
}

/// <summary>Bits of the device status field.</summary>
/// <remarks>VIRTIO 1.3 §2.1.</remarks>
[Flags]
public enum DeviceStatus : byte
{
    None = 0,
    Acknowledge = 1,
    Driver = 2,
    DriverOk = 4,
    FeaturesOk = 8,
    NeedsReset = 64,
    Failed = 128,
}
