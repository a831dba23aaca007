using VmChannel.Bench.Results;
using VmChannel.Cli.Run;

namespace VmChannel.Bench.Guests;

/// <summary>A real guest: QEMU's own device against ours, and ours against one that takes bytes and does nothing.</summary>
internal sealed class GuestScenario(BenchSettings settings, GuestRig rig)
{
    private const int Small = 4 * 1024;
    private const int Large = 32 * 1024;

    private readonly GuestRuns _runs = new(rig.Agent);

    public IReadOnlyList<Section> Run(Vmm vmm) => vmm == Vmm.Qemu ? [AgainstOwn(), AgainstSink("qemu")] : [AgainstSink("uml"), Alone("uml")];

    private Section AgainstOwn()
    {
        PairedRuns pairs = new(settings, rig.Processes, rig.Ours, rig.Own);
        Streams(pairs);
        return new("qemu", "QEMU 11 guest (TCG), unix socket at the host end, against QEMU's own virtio-serial", "QEMU's own", "vmchannel", pairs.Measures);
    }

    private Section AgainstSink(string scenario)
    {
        PairedRuns pairs = new(settings, rig.Processes, rig.Ours, rig.Sink);
        pairs.Throughput("guest→host 4 KiB", (contestant, bytes) => _runs.Written(contestant, bytes, Small));
        pairs.Throughput("guest→host 32 KiB", (contestant, bytes) => _runs.Written(contestant, bytes, Large));
        return new(scenario, $"{scenario} guest, unix socket at the host end, against a device that takes bytes and does nothing", "null sink", "unix", pairs.Measures);
    }

    private Section Alone(string scenario)
    {
        PairedRuns pairs = new(settings, rig.Processes, rig.Ours, null);
        Streams(pairs);
        return new(scenario, $"{scenario} guest, unix socket at the host end", "", "vmchannel", pairs.Measures);
    }

    private void Streams(PairedRuns pairs)
    {
        pairs.Throughput("guest→host 4 KiB", (contestant, bytes) => _runs.FromGuest(contestant, bytes, Small));
        pairs.Throughput("guest→host 32 KiB", (contestant, bytes) => _runs.FromGuest(contestant, bytes, Large));
        pairs.Throughput("host→guest 4 KiB", (contestant, bytes) => _runs.ToGuest(contestant, bytes, Small));
        pairs.Throughput("host→guest 32 KiB", (contestant, bytes) => _runs.ToGuest(contestant, bytes, Large));
        pairs.RoundTrips(_runs.PingPong);
    }
}
