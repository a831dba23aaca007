using VmChannel.Device.UsbSerial;
using VmChannel.Wire.Usb;
using VmChannel.Wire.UsbIp;

namespace VmChannel.Device.UsbIp;

/// <summary>An adapter that clients may import, and the client that has.</summary>
internal sealed class UsbIpExport
{
    public UsbIpExport(UsbSerialAdapter adapter)
    {
        Adapter = adapter;
        UsbIpBusId busId = UsbIpBusId.Of(adapter.Port.Spec.Number);
        Device = new(
            ChannelProduct.Prefix + adapter.Port.Spec.Protocol,
            busId.ToString(),
            busId.Bus,
            busId.Device,
            adapter.Descriptors.Vendor,
            adapter.Descriptors.Product,
            adapter.Descriptors.Version,
            adapter.Descriptors.Class,
            (byte)adapter.Descriptors.Interfaces.Length);
    }

    public UsbSerialAdapter Adapter { get; }

    /// <summary>How clients see it. Its path is what Linux's tool shows people in the list, so that is the channel.</summary>
    public UsbIpDevice Device { get; }

    /// <summary>The client that has it; null = nobody.</summary>
    public UsbIpSession? Session { get; set; }
}
