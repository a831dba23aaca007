using VmChannel.Wire.Ftdi;
using VmChannel.Wire.Usb;

namespace VmChannel.Device.UsbSerial;

/// <summary>The control endpoint: what every USB device is asked, and what this chip is.</summary>
/// <remarks>USB 2.0 §9.4.</remarks>
/// <param name="descriptors">What it says of itself.</param>
internal sealed class FtdiDevice(FtdiDescriptors descriptors)
{
    private readonly FtdiChip _chip = new();

    /// <summary>The configuration that was chosen; 0 = none.</summary>
    public byte Configuration { get; set; } = 1;

    /// <summary>The guest has read the channel's name.</summary>
    public bool IsNameKnown { get; private set; }

    /// <inheritdoc cref="FtdiChip.IsDtrHigh"/>
    public bool IsDtrHigh => _chip.IsDtrHigh;

    /// <summary>As after it was plugged in, to a guest that knows it already: Linux does not read the strings again after a reset.</summary>
    public void Reset()
    {
        _chip.Reset();
        Configuration = 1;
    }

    /// <summary>Whoever read the channel's name is gone.</summary>
    public void Forget() => IsNameKnown = false;

    /// <summary>Answers a request; not SET_CONFIGURATION, which is more than an answer.</summary>
    /// <param name="setup">The request.</param>
    /// <param name="status">The line now.</param>
    /// <param name="answer">Room for the data stage, as long as it was asked for at most.</param>
    /// <returns>Bytes of the answer; −1 = it is refused.</returns>
    public int Answer(in SetupPacket setup, FtdiStatus status, Span<byte> answer) => setup.Kind switch
    {
        SetupKind.Standard => AnswerStandard(setup, answer),
        SetupKind.Vendor => _chip.Answer(setup, status, answer),
        _ => -1,
    };

    private int AnswerStandard(in SetupPacket setup, Span<byte> answer)
    {
        switch ((StandardRequest)setup.Request, setup.IsIn)
        {
            case (StandardRequest.GetDescriptor, true):
                IsNameKnown |= FtdiDescriptors.IsProduct(setup.Value);
                return descriptors.Read(setup.Value, answer);
            case (StandardRequest.GetStatus, true):
                return Zeros(2, answer);
            case (StandardRequest.GetConfiguration, true):
                int count = Zeros(1, answer);
                answer[..count].Fill(Configuration);
                return count;
            case (StandardRequest.GetInterface, true):
                return Configuration == 0 || setup.Index != 0 ? -1 : Zeros(1, answer);
            case (StandardRequest.SetInterface, false):
                return Configuration == 0 || setup.Index != 0 || setup.Value != 0 ? -1 : 0;
            case (StandardRequest.ClearFeature, false):
            case (StandardRequest.SetAddress, false):
                return 0;
            default:
                return -1;
        }
    }

    private static int Zeros(int count, Span<byte> answer)
    {
        count = Math.Min(count, answer.Length);
        answer[..count].Clear();
        return count;
    }
}
