using System.Diagnostics.Metrics;
using VmChannel.Cli.Serve;
using VmChannel.Device.VirtioSerial;

namespace VmChannel.Cli.Metrics;

/// <summary>What a meter has about each VM's device and its front-end.</summary>
internal static class DeviceInstruments
{
    public static void AddTo(ServerMeter meter)
    {
        Counter("vmchannel.device.kicks", "{kick}", "Kicks: how often the guest told the device, on all queues.", counters => counters.Kicks);
        Counter("vmchannel.device.calls", "{call}", "Calls: how often the device told the guest, on the queues of ports.", counters => counters.Calls);
        Counter(
            "vmchannel.device.suppressed_calls", "{call}", "Calls the guest did not want, on the queues of ports.", counters => counters.SuppressedCalls);
        Counter("vmchannel.device.control_messages", "{message}", "Control messages of the guest.", counters => counters.ControlMessages);
        Counter(
            "vmchannel.device.bad_messages", "{message}", "Control messages of the guest that made no sense.", counters => counters.BadControlMessages);
        Counter("vmchannel.device.resets", "{reset}", "How often the guest's driver started over.", counters => counters.Resets);
        Counter(
            "vmchannel.device.lost", "By", "Bytes the guest had written to ports that were unplugged before they were taken.", counters => counters.LostBytes);
        Counter("vmchannel.frontend.connections", "{connection}", "Front-ends that connected.", counters => counters.FrontEnds);
        Counter(
            "vmchannel.frontend.refused_requests", "{request}", "Requests of front-ends that were refused.", counters => counters.RefusedRequests);

        Count("vmchannel.frontend.connected", "{frontend}", "Whether a front-end is connected.", state => Flag(state.FrontEnd is not null));
        Count("vmchannel.device.driver_ready", "{device}", "Whether the guest's driver has set the device up.", state => Flag(state.IsDriverReady));
        Count("vmchannel.device.suspended", "{device}", "Whether the queues do not run.", state => Flag(state.IsSuspended));
        Count("vmchannel.device.broken", "{device}", "Whether the guest broke a ring, and only a reset brings the device back.", state => Flag(state.IsBroken));
        Count("vmchannel.device.control_backlog", "{message}", "Control messages that wait for buffers of the guest.", state => state.Counters.ControlBacklog);
        meter.Count("vmchannel.device.ports", "{port}", "Ports that are plugged in.", vm => [Measure(vm, vm.Ports.Count)]);

        void Counter(string name, string unit, string description, Func<DeviceCounters, long> read)
            => meter.Counter(name, unit, description, vm => [Measure(vm, read(vm.State.Counters))]);

        void Count(string name, string unit, string description, Func<DeviceState, long> read)
            => meter.Count(name, unit, description, vm => [Measure(vm, read(vm.State))]);
    }

    private static long Flag(bool isSo) => isSo ? 1 : 0;

    private static Measurement<long> Measure(VmHost vm, long value) => new(value, [new("vm", vm.Name)]);
}
