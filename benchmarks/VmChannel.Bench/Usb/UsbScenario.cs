using VmChannel.Bench.Guests;
using VmChannel.Bench.Results;

namespace VmChannel.Bench.Usb;

/// <summary>Our USB serial adapter against QEMU's, and against one of ours that does nothing, in the same boot of the same guest.</summary>
internal sealed class UsbScenario(BenchSettings settings, UsbRig rig)
{
    private const int Small = 512;
    private const int Large = 4 * 1024;
    private const int Largest = 32 * 1024;

    private readonly GuestRuns _runs = new(rig.Agent);

    public IReadOnlyList<Section> Run() => [AgainstOwn(rig.Ours, "-usbserial"), AgainstOwn(rig.Acm, "-usbserial with adapter=acm"), AgainstSink()];

    private Section AgainstOwn(Contestant ours, string option)
    {
        PairedRuns pairs = new(settings, rig.Processes, ours, rig.Own);
        foreach ((string name, int chunk) in new[] { ("512 bytes", Small), ("4 KiB", Large), ("32 KiB", Largest) })
        {
            pairs.Throughput($"guest→host {name}", (contestant, bytes) => _runs.FromGuest(contestant, bytes, chunk));
            pairs.Throughput($"host→guest {name}", (contestant, bytes) => _runs.ToGuest(contestant, bytes, chunk));
        }

        pairs.RoundTrips(_runs.PingPong);
        return new(
            "usb", $"QEMU 7.2 guest (TCG), xHCI, unix socket at the host end: {option} over usbredir against QEMU's own usb-serial", "QEMU's own", "vmchannel",
            pairs.Measures);
    }

    private Section AgainstSink()
    {
        PairedRuns pairs = new(settings, rig.Processes, rig.Ours, rig.Sink);
        pairs.Throughput("guest→host 32 KiB", (contestant, bytes) => _runs.Written(contestant, bytes, Largest));
        return new("usb", "the same guest, -usbserial with a unix socket at the host end, against -usbserial that takes bytes and does nothing", "null sink", "unix", pairs.Measures);
    }
}
