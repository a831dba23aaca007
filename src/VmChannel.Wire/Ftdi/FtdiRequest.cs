namespace VmChannel.Wire.Ftdi;

/// <summary>Vendor requests of FTDI's serial adapters (wire field bRequest).</summary>
/// <remarks>Linux <c>drivers/usb/serial/ftdi_sio.h</c>, <c>FTDI_SIO_*</c>. A driver may send any value.</remarks>
public enum FtdiRequest : byte
{
    /// <summary>wValue 0: everything but speed and format starts over, DTR and RTS low; 1 and 2: drop what waits in one direction.</summary>
    Reset = 0,

    /// <summary>Sets DTR and RTS: see <see cref="FtdiModemControl"/>.</summary>
    SetModemControl = 1,
    SetFlowControl = 2,
    SetBaudRate = 3,

    /// <summary>Bits, parity, stop bits; bit 14 = a break.</summary>
    SetData = 4,

    /// <summary>The two bytes of <see cref="FtdiStatus"/>.</summary>
    GetModemStatus = 5,
    SetEventCharacter = 6,
    SetErrorCharacter = 7,

    /// <summary>Milliseconds after which a real adapter sends what is no full packet yet: 1 to 255.</summary>
    SetLatencyTimer = 9,
    GetLatencyTimer = 10,
    SetBitMode = 11,

    /// <summary>One byte: the pins.</summary>
    GetBitMode = 12,

    /// <summary>Two bytes: the word whose address is wIndex.</summary>
    ReadEeprom = 0x90,
    WriteEeprom = 0x91,
    EraseEeprom = 0x92,
}

/// <summary>wValue of <see cref="FtdiRequest.Reset"/>.</summary>
public enum FtdiReset : ushort
{
    All = 0,
    PurgeReceive = 1,
    PurgeTransmit = 2,
}

/// <summary>wValue of <see cref="FtdiRequest.SetModemControl"/>: levels, and which of them are meant.</summary>
/// <remarks>Linux <c>drivers/usb/serial/ftdi_sio.h</c>, <c>FTDI_SIO_SET_DTR_MASK</c> and the like.</remarks>
[Flags]
public enum FtdiModemControl : ushort
{
    None = 0,
    Dtr = 1 << 0,
    Rts = 1 << 1,
    DtrIsMeant = 1 << 8,
    RtsIsMeant = 1 << 9,
}
