using VmChannel.Wire.Usb;

namespace VmChannel.Device.UsbSerial;

/// <summary>The control endpoint: what every USB device is asked, and what an adapter of one kind is; and how that kind tells of its line.</summary>
/// <remarks>USB 2.0 §9.4.</remarks>
/// <param name="descriptors">What it says of itself.</param>
internal abstract class AdapterDevice(AdapterDescriptors descriptors)
{
    public AdapterDescriptors Descriptors => descriptors;

    /// <summary>The configuration that was chosen; 0 = none.</summary>
    public byte Configuration { get; set; } = 1;

    /// <summary>The guest has read the channel's name.</summary>
    public bool IsNameKnown { get; private set; }

    /// <summary>Data terminal ready: a program has the adapter open. Drivers raise it at the open and drop it at the close.</summary>
    public abstract bool IsDtrHigh { get; }

    /// <summary>Bytes that begin each packet of data for the guest, and say how the line is; 0 when notifications say it.</summary>
    public abstract int HeaderBytes { get; }

    /// <summary>Bytes of a notification of how the line is; 0 when packets' headers say it.</summary>
    public abstract int NotificationBytes { get; }

    /// <summary>IN transfers that are answered before the guest has asked again: see <see cref="AnswerPace"/>.</summary>
    public abstract int MaxAnswers { get; }

    /// <summary>As after it was plugged in, to a guest that knows it already: Linux does not read the strings again after a reset.</summary>
    public virtual void Reset() => Configuration = 1;

    /// <summary>Whoever read the channel's name is gone.</summary>
    public void Forget() => IsNameKnown = false;

    /// <summary>Writes what begins a packet, or a notification.</summary>
    /// <param name="destination">Room for <see cref="HeaderBytes"/> or <see cref="NotificationBytes"/>.</param>
    /// <param name="isHostOpen">Somebody is at the other end of the line.</param>
    public abstract void PutState(Span<byte> destination, bool isHostOpen);

    /// <summary>Answers a request; not SET_CONFIGURATION, which is more than an answer.</summary>
    /// <param name="setup">The request.</param>
    /// <param name="data">Its data stage, if that came with it.</param>
    /// <param name="isHostOpen">Somebody is at the other end of the line.</param>
    /// <param name="answer">Room for the data stage, as long as it was asked for at most.</param>
    /// <returns>Bytes of the answer; −1 = it is refused.</returns>
    public int Answer(in SetupPacket setup, ReadOnlySpan<byte> data, bool isHostOpen, Span<byte> answer)
        => setup.Kind == SetupKind.Standard ? AnswerStandard(setup, answer) : AnswerOwn(setup, data, isHostOpen, answer);

    /// <summary>There is such an interface now.</summary>
    public bool HasInterface(int number) => Configuration != 0 && number < descriptors.Interfaces.Length;

    /// <summary>Answers a request that not every device knows.</summary>
    /// <inheritdoc cref="Answer"/>
    protected abstract int AnswerOwn(in SetupPacket setup, ReadOnlySpan<byte> data, bool isHostOpen, Span<byte> answer);

    private int AnswerStandard(in SetupPacket setup, Span<byte> answer)
    {
        switch ((StandardRequest)setup.Request, setup.IsIn)
        {
            case (StandardRequest.GetDescriptor, true):
                IsNameKnown |= AdapterDescriptors.IsProduct(setup.Value);
                return descriptors.Read(setup.Value, answer);
            case (StandardRequest.GetStatus, true):
                return Zeros(2, answer);
            case (StandardRequest.GetConfiguration, true):
                int count = Zeros(1, answer);
                answer[..count].Fill(Configuration);
                return count;
            case (StandardRequest.GetInterface, true):
                return HasInterface(setup.Index) ? Zeros(1, answer) : -1;
            case (StandardRequest.SetInterface, false):
                return HasInterface(setup.Index) && setup.Value == 0 ? 0 : -1;
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
