using VmChannel.Native;

namespace VmChannel.Device.UsbSerial;

/// <summary>Where the outcomes of an adapter's transfers go: whoever carries them to the guest. Loop thread only.</summary>
public interface IUsbHost
{
    /// <summary>Finds room for the data of an IN transfer, so that it is read to where it is sent from.</summary>
    /// <param name="bytes">Most that it may become.</param>
    /// <param name="buffer">The room.</param>
    /// <param name="offset">Where it begins.</param>
    /// <returns>False: not now. The adapter gets a turn when there is.</returns>
    bool TryReserve(int bytes, out PinnedBuffer buffer, out int offset);

    /// <summary>An IN transfer has its data: the first bytes of what was reserved last.</summary>
    void CompleteIn(ulong id, int bytes);

    /// <summary>An OUT transfer is over.</summary>
    /// <param name="id">Which.</param>
    /// <param name="bytes">Bytes that were taken.</param>
    /// <param name="status">How it went.</param>
    void CompleteOut(ulong id, int bytes, TransferStatus status);

    /// <summary>An IN transfer is over without data.</summary>
    void FailIn(ulong id, TransferStatus status);

    /// <summary>A transfer of the interrupt endpoint has its data.</summary>
    /// <param name="id">Which.</param>
    /// <param name="data">A few bytes.</param>
    /// <returns>False: not now. The adapter gets a turn when there is room.</returns>
    bool TryNotify(ulong id, ReadOnlySpan<byte> data);

    /// <summary>A transfer of the interrupt endpoint is over without data.</summary>
    void FailNotification(ulong id, TransferStatus status);

    /// <summary>Nothing more comes at this moment: time to send.</summary>
    void Flush();
}

/// <summary>How a transfer ended.</summary>
public enum TransferStatus
{
    Done,

    /// <summary>The guest gave it up.</summary>
    Cancelled,

    /// <summary>The adapter refuses such a request.</summary>
    Stalled,

    /// <summary>There is no such endpoint, or the lengths contradict each other.</summary>
    Invalid,

    /// <summary>More transfers wait than the adapter keeps.</summary>
    TooMany,
}
