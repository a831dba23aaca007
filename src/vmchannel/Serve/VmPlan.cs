using VmChannel.Device;

namespace VmChannel.Cli.Serve;

/// <summary>A VM to serve, with everything checked that can be checked without opening anything.</summary>
/// <param name="Name">Unique in a server: <see cref="VmName"/>.</param>
/// <param name="Device">Its device and the ports that are there from the start.</param>
/// <param name="Endpoint">Where its VMM is met for the virtio-serial device; null = the VM has none.</param>
/// <param name="OffersInBand">In-band notifications are offered.</param>
internal sealed record VmPlan(string Name, DevicePlan Device, VmEndpoint? Endpoint, bool OffersInBand = false)
{
    /// <summary>Where its VMM fetches USB adapters; null = the VM has none.</summary>
    public UsbPlan? Usb { get; init; }
}
