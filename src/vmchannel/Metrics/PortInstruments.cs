using System.Diagnostics.Metrics;
using VmChannel.Cli.Serve;
using VmChannel.Device.Channels;
using VmChannel.Device.Ports;

namespace VmChannel.Cli.Metrics;

/// <summary>What a meter has about each port. A port that is plugged in again counts from zero.</summary>
internal static class PortInstruments
{
    private static readonly KeyValuePair<string, object?> FromGuest = new("direction", "from_guest");
    private static readonly KeyValuePair<string, object?> ToGuest = new("direction", "to_guest");
    private static readonly KeyValuePair<string, object?> Served = new("state", "served");
    private static readonly KeyValuePair<string, object?> Waiting = new("state", "waiting");
    private static readonly KeyValuePair<string, object?> GuestEnd = new("end", "guest");
    private static readonly KeyValuePair<string, object?> HostEnd = new("end", "host");

    public static void AddTo(ServerMeter meter)
    {
        Counters("vmchannel.port.io", "By", "Bytes that went through the port.", counters => (counters.FromGuestBytes, counters.ToGuestBytes));
        Counters(
            "vmchannel.port.refused",
            "By",
            "Bytes that were dropped because the port is readonly or writeonly.",
            counters => (counters.RefusedFromGuestBytes, counters.RefusedToGuestBytes));
        Counters(
            "vmchannel.port.messages", "{message}", "Buffers that went through the port.", counters => (counters.FromGuestMessages, counters.ToGuestMessages));
        Counter("vmchannel.port.dropped", "By", "Bytes of the guest that were dropped, because nobody was there to take them.", port => port.DroppedBytes);
        Counter("vmchannel.port.lost_input", "By", "Bytes for the guest that were dropped: it closed the port, or host ends were replaced, before it read them.", port => port.Counters.LostToGuestBytes);
        Counter("vmchannel.port.unlogged", "By", "Bytes that are missing in the log file, because it could not be written.", port => port.Counters.UnloggedBytes);
        Counter("vmchannel.port.kicks", "{kick}", "Kicks: how often the guest told the device.", port => port.Counters.Kicks);
        Counter("vmchannel.port.calls", "{call}", "Calls: how often the device told the guest.", port => port.Counters.Calls);
        Counter("vmchannel.port.suppressed_calls", "{call}", "Calls the guest did not want.", port => port.Counters.SuppressedCalls);
        Counter("vmchannel.port.nudges", "{nudge}", "Writers woken that Linux's driver may have forgotten.", port => port.Counters.WakeNudges);
        Counter("vmchannel.port.throttles", "{throttle}", "How often the host end began to take less than the guest offered.", port => port.Counters.Throttles);
        Counter("vmchannel.port.stalls", "{stall}", "How often bytes waited and none moved for the stall time.", port => port.Counters.Stalls);
        ThrottleClocks clocks = new();
        meter.Time(
            "vmchannel.port.throttle_time",
            "Time in which the host end took less than the guest offered.",
            vm => vm.Ports.Select(port => new Measurement<double>(clocks.Read(port.Port).TotalSeconds, [.. Tags(vm, port)])));

        meter.Count(
            "vmchannel.port.open",
            "{end}",
            "Whether a program in the guest has the port open, and whether somebody is there on the host.",
            vm => vm.Ports.SelectMany(port => Pair(vm, port, (GuestEnd, Flag(port.Port.State.IsGuestOpen)), (HostEnd, Flag(port.Port.State.IsHostOpen)))));
        meter.Count(
            "vmchannel.port.clients",
            "{client}",
            "Clients of a channel that takes several.",
            vm => vm.Ports.SelectMany(port =>
            {
                IReadOnlyList<ClientState> clients = port.Port.Clients;
                int waiting = clients.Count(client => client.IsWaiting);
                return Pair(vm, port, (Served, clients.Count - waiting), (Waiting, waiting));
            }));
        Count("vmchannel.port.ready", "{port}", "Whether the guest's driver has set the port up.", state => state.IsReady);
        Count("vmchannel.port.suspended", "{port}", "Whether the port's queues do not run.", state => state.IsSuspended);
        Count(
            "vmchannel.port.throttled", "{port}", "Whether the host end has taken less than the guest offers for a second.", state => state.ThrottledSince is not null);
        meter.Count(
            "vmchannel.port.stalled", "{port}", "Whether bytes have waited and none moved for the stall time; while it is so, with the reason.", Stalled);

        void Counter(string name, string unit, string description, Func<Port, long> read)
            => meter.Counter(name, unit, description, vm => vm.Ports.Select(port => new Measurement<long>(read(port.Port), [.. Tags(vm, port)])));

        void Counters(string name, string unit, string description, Func<PortCounters, (long FromGuest, long ToGuest)> read)
            => meter.Counter(name, unit, description, vm => vm.Ports.SelectMany(port =>
            {
                (long fromGuest, long toGuest) = read(port.Port.Counters);
                return Pair(vm, port, (FromGuest, fromGuest), (ToGuest, toGuest));
            }));

        void Count(string name, string unit, string description, Func<PortState, bool> read)
            => meter.Count(name, unit, description, vm => vm.Ports.Select(port => new Measurement<long>(Flag(read(port.Port.State)), [.. Tags(vm, port)])));
    }

    private static IEnumerable<Measurement<long>> Stalled(VmHost vm)
    {
        foreach (ServedPort port in vm.Ports)
        {
            PortState state = port.Port.State;
            yield return state.StalledSince is null
                ? new(0, [.. Tags(vm, port)])
                : new(1, [.. Tags(vm, port), new("reason", Reason(state.Stall))]);
        }
    }

    private static IEnumerable<Measurement<long>> Pair(
        VmHost vm, ServedPort port, (KeyValuePair<string, object?> Tag, long Value) first, (KeyValuePair<string, object?> Tag, long Value) second)
    {
        yield return new(first.Value, [.. Tags(vm, port), first.Tag]);
        yield return new(second.Value, [.. Tags(vm, port), second.Tag]);
    }

    private static KeyValuePair<string, object?>[] Tags(VmHost vm, ServedPort port)
    {
        PortSpec spec = port.Plan.Spec;
        return spec.Protocol is null
            ? [new("vm", vm.Name), new("port", spec.Number)]
            : [new("vm", vm.Name), new("port", spec.Number), new("protocol", spec.Protocol)];
    }

    private static long Flag(bool isSo) => isSo ? 1 : 0;

    private static string Reason(StallReason reason) => reason switch
    {
        StallReason.NoHostEnd => "no_host_end",
        StallReason.HostEndFull => "host_end_full",
        StallReason.GuestPostedNoBuffers => "guest_posted_no_buffers",
        StallReason.GuestNotReading => "guest_not_reading",
        _ => "unknown",
    };
}
