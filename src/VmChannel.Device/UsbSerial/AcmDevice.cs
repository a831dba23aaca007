using VmChannel.Wire.Cdc;
using VmChannel.Wire.Usb;

namespace VmChannel.Device.UsbSerial;

/// <summary>An adapter of the Abstract Control Model: packets have nothing but data, and notifications tell of the line.</summary>
/// <remarks>USB CDC PSTN 1.2 §6.3. Speed and format change nothing, and a break goes nowhere: no line is behind it.</remarks>
/// <param name="product">The product string.</param>
/// <param name="serial">The serial number.</param>
internal sealed class AcmDevice(string product, string serial) : AdapterDevice(AcmDescriptors.Of(product, serial))
{
    /// <summary>9600 bits per second, one stop bit, no parity, 8 bits.</summary>
    private static readonly byte[] DefaultCoding = [0x80, 0x25, 0, 0, 0, 0, 8];

    private readonly byte[] _coding = [.. DefaultCoding];
    private CdcControlLines _lines;

    public override bool IsDtrHigh => (_lines & CdcControlLines.Dtr) != 0;

    public override int HeaderBytes => 0;

    /// <summary>Linux's <c>cdc_acm</c> has 16 under way: with all of them answered at once, it loses bytes.</summary>
    public override int MaxAnswers => 4;

    public override int NotificationBytes => SerialStateNotification.Size;

    public override void Reset()
    {
        _lines = CdcControlLines.None;
        DefaultCoding.CopyTo(_coding, 0);
        base.Reset();
    }

    public override void PutState(Span<byte> destination, bool isHostOpen)
        => SerialStateNotification.Write(destination, AcmDescriptors.Communications, isHostOpen ? SerialState.Carrier | SerialState.DataSetReady : SerialState.None);

    protected override int AnswerOwn(in SetupPacket setup, ReadOnlySpan<byte> data, bool isHostOpen, Span<byte> answer)
    {
        if (setup is not { Kind: SetupKind.Class, Recipient: SetupRecipient.Interface, Index: AcmDescriptors.Communications } || Configuration == 0)
        {
            return -1;
        }

        switch ((CdcRequest)setup.Request, setup.IsIn)
        {
            case (CdcRequest.SetLineCoding, false) when data.Length == _coding.Length:
                data.CopyTo(_coding);
                return 0;
            case (CdcRequest.GetLineCoding, true):
                int count = Math.Min(_coding.Length, answer.Length);
                _coding.AsSpan(0, count).CopyTo(answer);
                return count;
            case (CdcRequest.SetControlLineState, false):
                _lines = (CdcControlLines)setup.Value;
                return 0;
            case (CdcRequest.SendBreak, false):
                return 0;
            default:
                return -1;
        }
    }
}
