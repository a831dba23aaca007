namespace VmChannel.Wire.Cdc;

/// <summary>Class requests of the Abstract Control Model (wire field bRequest), for its communications interface.</summary>
/// <remarks>USB CDC PSTN 1.2 §6.3, table 13. A driver may send any value.</remarks>
public enum CdcRequest : byte
{
    /// <summary>7 bytes: speed, stop bits, parity, bits.</summary>
    SetLineCoding = 0x20,

    /// <summary>The same 7 bytes.</summary>
    GetLineCoding = 0x21,

    /// <summary>Sets DTR and RTS: see <see cref="CdcControlLines"/>.</summary>
    SetControlLineState = 0x22,

    /// <summary>wValue: milliseconds, 0xFFFF until 0 comes.</summary>
    SendBreak = 0x23,
}

/// <summary>wValue of <see cref="CdcRequest.SetControlLineState"/>.</summary>
/// <remarks>USB CDC PSTN 1.2 §6.3.12.</remarks>
[Flags]
public enum CdcControlLines : ushort
{
    None = 0,

    /// <summary>Data terminal ready.</summary>
    Dtr = 1 << 0,

    /// <summary>Request to send: "carrier control".</summary>
    Rts = 1 << 1,
}
