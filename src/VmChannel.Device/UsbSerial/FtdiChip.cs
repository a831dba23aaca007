using System.Buffers.Binary;
using VmChannel.Wire.Ftdi;
using VmChannel.Wire.Usb;

namespace VmChannel.Device.UsbSerial;

/// <summary>What a driver sets in the adapter's chip and reads back. Speed, format and flow control change nothing: no line is behind it.</summary>
/// <remarks>
/// Its EEPROM is blank, as it is on many modules: every word reads as 0xFFFF. So drivers take the chip's own pins as they are after a
/// reset, and no driver finds anything to complain about.
/// </remarks>
internal sealed class FtdiChip
{
    private const byte DefaultLatency = 16;

    private byte _latency = DefaultLatency;

    /// <inheritdoc cref="AdapterDevice.IsDtrHigh"/>
    public bool IsDtrHigh { get; private set; }

    /// <summary>The driver starts over.</summary>
    public void Reset()
    {
        _latency = DefaultLatency;
        IsDtrHigh = false;
    }

    /// <summary>Answers a vendor request.</summary>
    /// <param name="setup">The request.</param>
    /// <param name="status">The line now.</param>
    /// <param name="answer">Room for the data stage, as long as the driver wants it at most.</param>
    /// <returns>Bytes of the answer; −1 = the chip has no such request.</returns>
    public int Answer(in SetupPacket setup, FtdiStatus status, Span<byte> answer)
    {
        switch ((FtdiRequest)setup.Request, setup.IsIn)
        {
            case (FtdiRequest.Reset, false):
                IsDtrHigh &= setup.Value != (ushort)FtdiReset.All;
                return 0;
            case (FtdiRequest.SetModemControl, false):
                FtdiModemControl levels = (FtdiModemControl)setup.Value;
                IsDtrHigh = (levels & FtdiModemControl.DtrIsMeant) != 0 ? (levels & FtdiModemControl.Dtr) != 0 : IsDtrHigh;
                return 0;
            case (FtdiRequest.SetLatencyTimer, false):
                _latency = (byte)(setup.Value & 0xFF);
                return 0;
            case (FtdiRequest.SetFlowControl or FtdiRequest.SetBaudRate or FtdiRequest.SetData or FtdiRequest.SetEventCharacter
                or FtdiRequest.SetErrorCharacter or FtdiRequest.SetBitMode or FtdiRequest.WriteEeprom or FtdiRequest.EraseEeprom, false):
                return 0;
            case (FtdiRequest.GetModemStatus, true):
                return PutWord((ushort)status, answer);
            case (FtdiRequest.GetLatencyTimer, true):
                return PutByte(_latency, answer);
            case (FtdiRequest.GetBitMode, true):
                return PutByte(0, answer);
            case (FtdiRequest.ReadEeprom, true):
                return PutWord(0xFFFF, answer);
            default:
                return -1;
        }
    }

    private static int PutByte(byte value, Span<byte> answer)
    {
        int count = Math.Min(1, answer.Length);
        answer[..count].Fill(value);
        return count;
    }

    private static int PutWord(ushort value, Span<byte> answer)
    {
        Span<byte> word = stackalloc byte[2];
        BinaryPrimitives.WriteUInt16LittleEndian(word, value);
        int count = Math.Min(word.Length, answer.Length);
        word[..count].CopyTo(answer);
        return count;
    }
}
