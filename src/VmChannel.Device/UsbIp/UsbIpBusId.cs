using System.Globalization;

namespace VmChannel.Device.UsbIp;

/// <summary>How clients name an adapter: port 7 is device 7 of bus 1, and its bus id <c>1-7</c>, whatever else there is or was.</summary>
/// <param name="Bus">From 1 on.</param>
/// <param name="Device">From 1 to 127, as many as a USB bus has.</param>
public readonly record struct UsbIpBusId(byte Bus, byte Device)
{
    private const int DevicesPerBus = 127;

    /// <summary>The bus id of a port.</summary>
    /// <param name="number">The port's number, from 1 on.</param>
    public static UsbIpBusId Of(int number) => new((byte)(((number - 1) / DevicesPerBus) + 1), (byte)(((number - 1) % DevicesPerBus) + 1));

    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{Bus}-{Device}");
}
