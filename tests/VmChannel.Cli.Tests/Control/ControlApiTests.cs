using VmChannel.Cli.Serve;
using VmChannel.Cli.Tests.Serve;
using VmChannel.Control;
using VmChannel.Wire.VirtioConsole;
using Xunit;

namespace VmChannel.Cli.Tests.Control;

/// <summary>The typed client against a real server.</summary>
public sealed class ControlApiTests
{
    [Fact]
    public async Task Server_NobodyAsks_SleepsUntilTheFirstRequest()
    {
        await using ControlRig rig = new();
        _ = await rig.AddAsync("web");
        Assert.False(rig.Api.IsAwake);

        ServerInfo server = await rig.Client.GetServerAsync(ControlRig.Cancellation);

        Assert.True(rig.Api.IsAwake);
        Assert.Equal(["web"], server.Vms);
        Assert.Equal(Environment.ProcessId, server.Pid);
        Assert.False(server.CanReload);
    }

    [Fact]
    public async Task Vms_OneWithAGuest_TellsStates()
    {
        await using ControlRig rig = new();
        VmHost web = await rig.AddAsync("web", "port=4,protocol=test.echo,service=echo");
        _ = await rig.AddAsync("db");
        using GuestDouble guest = new(web);
        guest.Driver.Open(4);
        _ = guest.Driver.Expect(ControlEvent.PortOpen, 4);

        IReadOnlyList<VmInfo> vms = await rig.Client.GetVmsAsync(ControlRig.Cancellation);

        Assert.Equal(["db", "web"], vms.Select(vm => vm.Name));
        Assert.Equal(VmState.NotConnected, vms[0].State);
        Assert.Null(vms[0].FrontEnd);
        Assert.Equal(VmState.Running, vms[1].State);
        Assert.Equal((1, 1, 0, 8), (vms[1].Ports, vms[1].OpenPorts, vms[1].StalledPorts, vms[1].MaxPorts));
        Assert.Contains($"(pid {Environment.ProcessId})", vms[1].FrontEnd, StringComparison.Ordinal);
        Assert.Equal(vms[1], await rig.Client.GetVmAsync("web", ControlRig.Cancellation));
    }

    [Fact]
    public async Task Inspect_WithAGuest_ShowsQueuesFeaturesAndCounters()
    {
        await using ControlRig rig = new();
        VmHost web = await rig.AddAsync("web", "port=4,protocol=test.echo,service=echo");
        using GuestDouble guest = new(web);
        guest.Driver.Open(4);
        guest.Driver.Write(4, "hello"u8);
        _ = guest.Driver.Receive(4, 5);

        VmInspection inspection = await rig.Client.InspectAsync("web", ControlRig.Cancellation);

        Assert.True(inspection.Device.IsDriverReady);
        Assert.True(inspection.Device.IsMultiPort);
        Assert.NotEmpty(inspection.Device.Features!);
        Assert.NotEmpty(inspection.FrontEnd!.Queues);
        Assert.All(inspection.FrontEnd.Queues, queue => Assert.Equal((64, Notifier.EventFd), (queue.Size, queue.Kick)));
        PortInfo port = Assert.Single(inspection.Ports);
        Assert.True(port is { IsReady: true, IsNamed: true, IsGuestOpen: true, GuestGeneration: 1, IsHostOpen: true });
        Assert.Equal((5L, 5L), (port.Counters.FromGuestBytes, port.Counters.ToGuestBytes));
    }

    [Fact]
    public async Task Plug_WhileBytesFlow_IsSeenServedAndTakenOut()
    {
        await using ControlRig rig = new();
        VmHost web = await rig.AddAsync("web", "port=1,protocol=test.first,service=echo");
        using GuestDouble guest = new(web);
        guest.Driver.Open(1);
        byte[] pattern = [.. Enumerable.Range(0, 3000).Select(i => (byte)(i % 251))];
        guest.Driver.Write(1, pattern);

        PortInfo plugged = await rig.Client.PlugAsync("web", "protocol=org.example.late,service=echo", ControlRig.Cancellation);
        _ = guest.Driver.Expect(ControlEvent.PortAdd, 2);
        guest.Driver.Open(2);
        guest.Driver.Write(2, "late"u8);

        Assert.Equal((2, "org.example.late"), (plugged.Number, plugged.Protocol));
        Assert.Equal("late"u8.ToArray(), guest.Driver.Receive(2, 4));
        PortInfo unplugged = await rig.Client.UnplugAsync("web", "late", ControlRig.Cancellation);
        _ = guest.Driver.Expect(ControlEvent.PortRemove, 2);
        Assert.Equal(2, unplugged.Number);
        Assert.Equal(pattern, guest.Driver.Receive(1, pattern.Length));
        Assert.Equal([1], (await rig.Client.GetPortsAsync("web", ControlRig.Cancellation)).Select(port => port.Number));
    }

    [Theory]
    [InlineData("protocol=test.first,service=echo", 409, "the name test.first is taken by port 1")]
    [InlineData("protocol=test.a,char=unix:/nowhere/a", 422, "/nowhere/a")]
    [InlineData("protocol=test.a,speed=1", 400, "speed")]
    [InlineData("", 400, "-virtioserial")]
    public async Task Plug_ThatCannotBe_SaysWhy(string options, int status, string reason)
    {
        await using ControlRig rig = new();
        _ = await rig.AddAsync("web", "port=1,protocol=test.first,service=echo");

        ControlException refused = await Assert.ThrowsAsync<ControlException>(() => rig.Client.PlugAsync("web", options, ControlRig.Cancellation));

        Assert.Equal(status, refused.Problem!.Status);
        Assert.Contains(reason, refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Set_Limits_ChangesThemAndTheGuestNoticesNothing()
    {
        await using ControlRig rig = new();
        VmHost web = await rig.AddAsync("web", "port=1,protocol=test.echo,service=echo");
        using GuestDouble guest = new(web);
        guest.Driver.Open(1);
        _ = guest.Driver.Expect(ControlEvent.PortOpen, 1);

        PortInfo changed = await rig.Client.ChangeAsync("web", "echo", "rate=1M,on-disconnect=discard", ControlRig.Cancellation);

        Assert.Equal((1024L * 1024, OnDisconnect.Discard), (changed.Limits.BytesPerSecond, changed.OnDisconnect));
        Assert.Equal(1, changed.GuestGeneration);
        Assert.True(changed.IsGuestOpen);
        guest.Driver.Write(1, "hello"u8);
        Assert.Equal("hello"u8.ToArray(), guest.Driver.Receive(1, 5));
        Assert.Equal(changed.Limits, (await rig.Client.GetPortAsync("web", "1", ControlRig.Cancellation)).Limits);
    }

    [Fact]
    public async Task Set_AnotherHostEnd_ServesThePort()
    {
        await using ControlRig rig = new();
        VmHost web = await rig.AddAsync("web", "port=1,protocol=test.echo,service=sink");

        using GuestDouble guest = new(web);
        guest.Driver.Open(1);
        _ = guest.Driver.Expect(ControlEvent.PortOpen, 1);

        PortInfo changed = await rig.Client.ChangeAsync("web", "echo", "service=echo,rate=1M", ControlRig.Cancellation);
        guest.Driver.Write(1, "hello"u8);

        Assert.Equal((1L, true), (changed.GuestGeneration, changed.IsGuestOpen));
        Assert.Equal("hello"u8.ToArray(), guest.Driver.Receive(1, 5));
    }

    [Theory]
    [InlineData("port=4", 400, "unplug")]
    [InlineData("", 400, "nothing is to be changed")]
    [InlineData("char=unix:/nowhere/a", 422, "/nowhere/a")]
    public async Task Set_ThatCannotBe_LeavesThePortAsItWas(string options, int status, string reason)
    {
        await using ControlRig rig = new();
        VmHost web = await rig.AddAsync("web", "port=1,protocol=test.echo,service=echo");

        using GuestDouble guest = new(web);

        ControlException refused = await Assert.ThrowsAsync<ControlException>(() => rig.Client.ChangeAsync("web", "1", options, ControlRig.Cancellation));


        Assert.Equal(status, refused.Problem!.Status);
        Assert.Contains(reason, refused.Message, StringComparison.Ordinal);
        guest.Driver.Open(1);
        guest.Driver.Write(1, "still"u8);
        Assert.Equal("still"u8.ToArray(), guest.Driver.Receive(1, 5));
    }

    [Fact]
    public async Task Port_ByNumberNameOrTail_IsFound()
    {
        await using ControlRig rig = new();
        _ = await rig.AddAsync("web", "port=3,protocol=org.qemu.clipboard", "port=5,protocol=net.example.clipboard,service=echo", "port=6,protocol=org.example.log,service=sink");

        Assert.Equal(3, (await rig.Client.GetPortAsync("web", "3", ControlRig.Cancellation)).Number);
        Assert.Equal(5, (await rig.Client.GetPortAsync("web", "net.example.clipboard", ControlRig.Cancellation)).Number);
        Assert.Equal(6, (await rig.Client.GetPortAsync("web", "log", ControlRig.Cancellation)).Number);
        Assert.Equal(3, (await rig.Client.GetPortAsync("web", "qemu.clipboard", ControlRig.Cancellation)).Number);
        ControlException which = await Assert.ThrowsAsync<ControlException>(() => rig.Client.GetPortAsync("web", "clipboard", ControlRig.Cancellation));
        Assert.Equal(409, which.Problem!.Status);
        Assert.Equal(["org.qemu.clipboard", "net.example.clipboard"], which.Problem.Candidates!);
        ControlException none = await Assert.ThrowsAsync<ControlException>(() => rig.Client.GetPortAsync("web", "board", ControlRig.Cancellation));
        Assert.Equal(404, none.Problem!.Status);
        Assert.Contains("it has 3 (org.qemu.clipboard)", none.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Vm_Unknown_NamesTheOthers()
    {
        await using ControlRig rig = new();
        _ = await rig.AddAsync("web");

        ControlException none = await Assert.ThrowsAsync<ControlException>(() => rig.Client.GetVmAsync("größe/../web", ControlRig.Cancellation));

        Assert.Equal(404, none.Problem!.Status);
        ControlException unknown = await Assert.ThrowsAsync<ControlException>(() => rig.Client.GetVmAsync("größe", ControlRig.Cancellation));
        Assert.Contains("no VM größe is served here: there is web", unknown.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Watch_FromTheBeginning_TellsAllInOrderAndThenWhatHappens()
    {
        await using ControlRig rig = new();
        _ = await rig.AddAsync("web", "port=1,protocol=test.echo,service=echo");
        await using IAsyncEnumerator<EventMessage> events =
            rig.Client.WatchAsync("web", after: 0, ControlRig.Cancellation).GetAsyncEnumerator(ControlRig.Cancellation);

        ChannelEvent plugged = await UntilAsync(events, "plugged");
        Assert.Equal(("web", 1, "test.echo"), (plugged.Vm, plugged.Port, plugged.Protocol));
        _ = await rig.AddAsync("other", "port=1,protocol=test.echo,service=echo");
        _ = await rig.Client.UnplugAsync("web", "echo", ControlRig.Cancellation);
        ChannelEvent unplugged = await UntilAsync(events, "unplugged");

        Assert.Equal("web", unplugged.Vm);
        Assert.True(unplugged.Id > plugged.Id);
    }

    [Fact]
    public async Task Watch_SlowListener_IsToldHowManyItMissed()
    {
        await using ControlRig rig = new();
        _ = await rig.AddAsync("web", "port=1,protocol=test.echo,service=echo");
        const int Flood = 10_000;
        for (int i = 0; i < Flood; i++)
        {
            rig.Server.Journal.Append("web", 1, "test.echo", Device.Events.DeviceEventKind.GuestOpened);
        }

        long seen = 0;
        long missed = 0;
        await foreach (EventMessage message in rig.Client.WatchAsync(null, after: 0, ControlRig.Cancellation))
        {
            missed += message.Missed?.Count ?? 0;
            seen += message.Event is null ? 0 : 1;
            if (message.Event?.Id == rig.Server.Journal.Last)
            {
                break;
            }
        }

        Assert.True(missed > 0);
        Assert.Equal(rig.Server.Journal.Last, seen + missed);
    }

    [Fact]
    public async Task Watch_ServerStops_Ends()
    {
        ControlRig rig = new();
        _ = await rig.AddAsync("web");
        using ControlClient client = new(ControlAddress.Unix(rig.SocketPath));
        await using IAsyncEnumerator<EventMessage> events = client.WatchAsync(null, 0, ControlRig.Cancellation).GetAsyncEnumerator(ControlRig.Cancellation);
        Task<bool> next = events.MoveNextAsync().AsTask();
        await rig.Client.GetServerAsync(ControlRig.Cancellation);

        await rig.DisposeAsync();

        try
        {
            while (await next)
            {
                next = events.MoveNextAsync().AsTask();
            }
        }
        catch (ControlException)
        {
            // It may see a connection that broke instead of an end.
        }
    }

    [Fact]
    public async Task Reload_WithoutAConfiguration_SaysSo()
    {
        await using ControlRig rig = new();

        ControlException refused = await Assert.ThrowsAsync<ControlException>(() => rig.Client.ReloadAsync(ControlRig.Cancellation));

        Assert.Equal(409, refused.Problem!.Status);
        Assert.Contains("without a configuration file", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Reload_WithErrors_CarriesEachOfThem()
    {
        await using ControlRig rig = new();
        rig.Server.Reload = _ => throw new ReloadException(["a.toml:3: first", "a.toml:9: second"]);

        ControlException refused = await Assert.ThrowsAsync<ControlException>(() => rig.Client.ReloadAsync(ControlRig.Cancellation));

        Assert.Equal(422, refused.Problem!.Status);
        Assert.Equal(["a.toml:3: first", "a.toml:9: second"], refused.Problem.Errors!);
        rig.Server.Reload = _ => Task.FromResult(new ReloadResult(["web"], [], [], 3, []));
        Assert.Equal(["web"], (await rig.Client.ReloadAsync(ControlRig.Cancellation)).Added);
    }

    [Fact]
    public async Task Client_NobodyListens_SaysWhatToDo()
    {
        using ControlClient client = new(ControlAddress.Unix("/nowhere/a.sock"));

        ControlException refused = await Assert.ThrowsAsync<ControlException>(() => client.GetVmsAsync(ControlRig.Cancellation));

        Assert.True(refused.IsUnreachable);
        Assert.Contains("is the server running?", refused.Message, StringComparison.Ordinal);
    }

    private static async Task<ChannelEvent> UntilAsync(IAsyncEnumerator<EventMessage> events, string kind)
    {
        while (await events.MoveNextAsync())
        {
            if (events.Current.Event?.Kind == kind)
            {
                return events.Current.Event;
            }
        }

        throw new InvalidOperationException($"the stream ended before {kind}");
    }
}
