using System.Buffers.Binary;
using VmChannel.Wire.Ftdi;
using VmChannel.Wire.Usb;

namespace VmChannel.Device.UsbSerial;

/// <summary>An adapter with a chip of FTDI: two bytes of status begin every packet.</summary>
/// <param name="product">The product string.</param>
/// <param name="serial">The serial number.</param>
internal sealed class FtdiDevice(string product, string serial) : AdapterDevice(FtdiDescriptors.Of(product, serial))
{
    private readonly FtdiChip _chip = new();

    public override bool IsDtrHigh => _chip.IsDtrHigh;

    public override int HeaderBytes => 2;

    public override int NotificationBytes => 0;

    /// <summary>Linux's <c>ftdi_sio</c> has two of 512 bytes under way, which limits itself.</summary>
    public override int MaxAnswers => int.MaxValue;

    public override void Reset()
    {
        _chip.Reset();
        base.Reset();
    }

    public override void PutState(Span<byte> destination, bool isHostOpen)
        => BinaryPrimitives.WriteUInt16LittleEndian(destination, (ushort)StatusOf(isHostOpen));

    protected override int AnswerOwn(in SetupPacket setup, ReadOnlySpan<byte> data, bool isHostOpen, Span<byte> answer)
        => setup.Kind == SetupKind.Vendor ? _chip.Answer(setup, StatusOf(isHostOpen), answer) : -1;

    private static FtdiStatus StatusOf(bool isHostOpen) => isHostOpen ? FtdiStatus.Connected : FtdiStatus.Alone;
}
