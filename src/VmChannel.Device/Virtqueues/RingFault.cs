namespace VmChannel.Device.Virtqueues;

/// <summary>What a driver did that no ring may contain. Any of these stops its device, nothing else.</summary>
internal enum RingFault
{
    None,

    /// <summary>More chains are available than the ring has entries.</summary>
    IndexRunsAhead,

    /// <summary>A head or next field is not an index of the table.</summary>
    IndexOutOfTable,

    /// <summary>A chain has more descriptors than its table, so it loops.</summary>
    ChainLoops,

    /// <summary>A buffer does not lie in guest memory.</summary>
    OutsideMemory,

    /// <summary>A buffer for the device to write where it reads, or the other way round.</summary>
    WrongDirection,

    /// <summary>An indirect table that is empty, misshapen, nested, longer than one system call takes, or not negotiated.</summary>
    BadIndirectTable,

    /// <summary>A chain of more pieces than one system call takes.</summary>
    TooManyPieces,

    /// <summary>Another ring of the same device broke.</summary>
    DeviceStopped,
}
