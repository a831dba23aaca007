using VmChannel.Cli.Serve;
using VmChannel.Control;
using VmChannel.Device.Channels;
using VmChannel.Device.Ports;
using ClientAccess = VmChannel.Control.ClientAccess;
using PortTransport = VmChannel.Device.Ports.PortTransport;

namespace VmChannel.Cli.Control;

/// <summary>A port as the contract has it, from what is published of it: the loop is not asked.</summary>
internal static class PortView
{
    public static PortInfo Of(ServedPort served)
    {
        PortState state = served.Port.State;
        PortSpec spec = served.Plan.Spec;
        return new()
        {
            Number = spec.Number,
            Protocol = spec.Protocol,
            IsConsole = spec.IsConsole,
            Transport = spec.Transport == PortTransport.UsbSerial ? VmChannel.Control.PortTransport.UsbSerial : VmChannel.Control.PortTransport.VirtioSerial,
            FrontEnd = state.FrontEnd,
            PluggedSince = state.PluggedSince,
            IsReady = state.IsReady,
            IsNamed = state.IsNamed,
            IsGuestOpen = state.IsGuestOpen,
            IsDraining = state.IsDraining,
            GuestGeneration = state.GuestGeneration,
            IsHostOpen = state.IsHostOpen,
            HostGeneration = state.HostGeneration,
            ThrottledSince = state.ThrottledSince,
            StalledSince = state.StalledSince,
            Stall = state.StalledSince is null ? null : Cause(state.Stall),
            IsSuspended = state.IsSuspended,
            HostEnd = state.HostEnd,
            HostDetail = state.HostDetail,
            OnDisconnect = spec.OnDisconnect == DisconnectPolicy.Discard ? OnDisconnect.Discard : OnDisconnect.Hold,
            OnGuestClose = spec.OnGuestClose == GuestClosePolicy.Disconnect ? OnGuestClose.Disconnect : OnGuestClose.Keep,
            Limits = Limits(spec),
            Clients = [.. served.Port.Clients.Select(Client)],
            Counters = Counters(served.Port),
        };
    }

    private static ClientInfo Client(ClientState client) => new(
        client.Id, client.Description, client.Since, client.IsHolder, client.MayWrite, client.IsWaiting,
        client.Counters.TakenBytes, client.Counters.GivenBytes, client.Counters.DroppedInputBytes, client.Counters.BehindBytes);

    private static StallCause? Cause(StallReason reason) => reason switch
    {
        StallReason.NoHostEnd => StallCause.NoHostEnd,
        StallReason.HostEndFull => StallCause.HostEndFull,
        StallReason.GuestPostedNoBuffers => StallCause.GuestPostedNoBuffers,
        StallReason.GuestNotReading => StallCause.GuestNotReading,
        _ => null,
    };

    private static PortLimitsInfo Limits(PortSpec spec)
        => new(spec.Limits.BufferBytes, spec.Limits.HistoryBytes, Access(spec.Limits.Access), spec.Limits.BytesPerSecond, spec.LogFile?.Path);

    private static ClientAccess Access(PortAccess access) => access switch
    {
        PortAccess.ReadOnly => ClientAccess.ReadOnly,
        PortAccess.WriteOnly => ClientAccess.WriteOnly,
        _ => ClientAccess.ReadWrite,
    };

    private static PortCountersInfo Counters(Port port)
    {
        PortCounters counters = port.Counters;
        return new()
        {
            FromGuestBytes = counters.FromGuestBytes,
            ToGuestBytes = counters.ToGuestBytes,
            FromGuestMessages = counters.FromGuestMessages,
            ToGuestMessages = counters.ToGuestMessages,
            DroppedBytes = port.DroppedBytes,
            DroppedToGuestBytes = counters.LostToGuestBytes,
            Kicks = counters.Kicks,
            Calls = counters.Calls,
            SuppressedCalls = counters.SuppressedCalls,
            WakeNudges = counters.WakeNudges,
            Throttles = counters.Throttles,
            ThrottledMilliseconds = counters.ThrottledMilliseconds,
            Stalls = counters.Stalls,
        };
    }
}
