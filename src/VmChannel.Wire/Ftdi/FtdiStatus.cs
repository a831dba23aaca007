namespace VmChannel.Wire.Ftdi;

/// <summary>The two bytes that begin every packet an adapter sends, the modem's lines in the first, the line's state in the second.</summary>
/// <remarks>Linux <c>drivers/usb/serial/ftdi_sio.h</c>, <c>FTDI_RS0_*</c> and <c>FTDI_RS_*</c>. Bit 0 is always set.</remarks>
[Flags]
public enum FtdiStatus : ushort
{
    None = 0,
    AlwaysSet = 1 << 0,
    ClearToSend = 1 << 4,
    DataSetReady = 1 << 5,
    RingIndicator = 1 << 6,

    /// <summary>DCD, "receive line signal detect".</summary>
    CarrierDetect = 1 << 7,
    DataReady = 1 << 8,
    Overrun = 1 << 9,
    ParityError = 1 << 10,
    FramingError = 1 << 11,
    Break = 1 << 12,
    TransmitterReady = 1 << 13,
    TransmitterEmpty = 1 << 14,
    FifoError = 1 << 15,

    /// <summary>Nobody is at the other end of the line.</summary>
    Alone = AlwaysSet | TransmitterReady | TransmitterEmpty,

    /// <summary>Somebody is.</summary>
    Connected = Alone | ClearToSend | DataSetReady | CarrierDetect,
}
