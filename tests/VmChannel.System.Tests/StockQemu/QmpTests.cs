using VmChannel.Control;
using VmChannel.SystemTests.Rig;

namespace VmChannel.SystemTests.StockQemu;

/// <summary>The channels of a stock QEMU's own virtio-serial, plugged in through its monitor.</summary>
public abstract class QmpTests(StockMachine machine)
{
    private const string Echo = "org.example.echo";
    private const string Held = "org.example.held";

    private QemuGuest Guest => machine.Guest;

    private string HeldSocket => machine.Folder.File("held.sock");

    [Fact]
    public async Task Ports_OfARunningQemu_WorkLikeOurOwnDevices()
    {
        await using ServeProcess serve = await StartAsync();
        await WaitForLinksAsync();
        Assert.Equal("hello", await Guest.RunAsync(GuestScripts.Exchange(PathOf(Echo), "hello")));

        // The states of both sides.
        VmInfo vm = (await serve.Control.GetVmsAsync(TestContext.Current.CancellationToken)).Single();
        Assert.Equal(("qmp", VmState.Running), (vm.Transport, vm.State));
        await Guest.RunAsync(GuestScripts.Hold(PathOf(Held)));
        await UntilAsync(serve, port => port is { IsGuestOpen: true, IsHostOpen: false });
        using (ChannelClient client = ChannelClient.Connect(HeldSocket))
        {
            await UntilAsync(serve, port => port.IsHostOpen);
            await Guest.UntilAsync(HostConnected(2, 1));
            await Guest.RunAsync(GuestScripts.LetGo);
            await UntilAsync(serve, port => port is { IsGuestOpen: false, IsHostOpen: true });

            // Much data.
            Pattern pattern = new("qmp", 4);
            Task<string> written = Guest.RunAsync($"{pattern.GuestWriter} > {PathOf(Held)}", Patience.Long);
            Assert.Equal(pattern.Length, await pattern.CheckAsync(client.Stream));
            _ = await written;
            Task<string> sum = Guest.RunAsync(GuestScripts.TakeChecksum(PathOf(Held), pattern.Length), Patience.Long);
            await pattern.WriteAsync(client.Stream);
            Assert.Equal(await pattern.ChecksumAsync(), await sum);
        }

        await Guest.UntilAsync(HostConnected(2, 0));

        // Plugged and unplugged while it runs.
        (int code, _, string errors) = await serve.CommandAsync("plug", "port=9,protocol=org.example.late,service=echo");
        Assert.True(code == 0, errors);
        await Guest.UntilAsync($"[ -e {PathOf("org.example.late")} ]");
        Assert.Equal("late", await Guest.RunAsync(GuestScripts.Exchange(PathOf("org.example.late"), "late")));
        (code, _, errors) = await serve.CommandAsync("unplug", "org.example.late");
        Assert.True(code == 0, errors);
        await Guest.UntilAsync($"[ ! -e {PathOf("org.example.late")} ]");

        // A number that somebody else has.
        (code, _, errors) = await serve.CommandAsync("plug", "port=1,protocol=org.example.clash,service=echo");
        Assert.Equal(1, code);
        Assert.Contains("port=N", errors, StringComparison.Ordinal);

        // QEMU tells of a port at most once a second.
        await UntilAsync(serve, port => !port.IsGuestOpen);
        Assert.DoesNotContain(
            (await serve.Control.DiagnoseAsync("device", TestContext.Current.CancellationToken)).Findings, finding => finding.Severity != FindingSeverity.Note);

        // At the end nothing of it is left, and what was there before is.
        Assert.Equal(0, await serve.StopAsync());
        await Guest.UntilAsync($"[ ! -e {PathOf(Echo)} ] && [ ! -e {PathOf(Held)} ]");
        using ChannelClient foreign = ChannelClient.Connect(machine.ForeignSocket);
        await Guest.ExchangeAsync(PathOf(StockMachine.Foreign), foreign);
    }

    [Fact]
    public async Task Server_RestartedInMidTransfer_LosesNothing()
    {
        Pattern pattern = new("restart", 6);
        long position;
        Task<string> written;
        await using (ServeProcess first = await StartAsync("--leave-ports"))
        {
            await WaitForLinksAsync();
            using ChannelClient client = ChannelClient.Connect(HeldSocket);
            written = Guest.RunAsync($"{pattern.GuestWriter} > {PathOf(Held)}", Patience.Long);
            position = await pattern.CheckAsync(client.Stream, 0, pattern.Length / 3);

            // What the server has given away by its end is the client's to read. It is not read before: all could be over by then.
            Assert.Equal(0, await first.StopAsync());
            position = await pattern.CheckAsync(client.Stream, position);
            Assert.InRange(position, pattern.Length / 3, pattern.Length - 1);
        }

        await using ServeProcess second = await StartAsync("--leave-ports");
        using ChannelClient next = ChannelClient.Connect(HeldSocket);
        Assert.Equal(pattern.Length, await pattern.CheckAsync(next.Stream, position));
        _ = await written;
        await UntilAsync(second, port => port is { IsGuestOpen: false });
        await next.SendAsync("for the guest\n");
        Assert.Equal("for the guest", await Guest.RunAsync($"read -r line <{PathOf(Held)}; echo $line"));
    }

    /// <summary>What the server has taken from its client by its end is in the guest's ring, the pipe and the server itself, until all are full.</summary>
    [Fact]
    public async Task Server_RestartedBeforeTheGuestHasReadAll_LosesNothing()
    {
        const long Read = 1 << 20;
        Pattern pattern = new("early", 1);
        Task<string> checksum;
        long taken;
        await using (ServeProcess first = await StartAsync("--leave-ports"))
        {
            await WaitForLinksAsync();
            using ChannelClient client = ChannelClient.Connect(HeldSocket);
            checksum = Guest.RunAsync(
                $"exec 6<{PathOf(Held)}; {{ {GuestScripts.Take(6, Read)}; until [ -e /tmp/goon ]; do sleep 0.05; done; {GuestScripts.Take(6, pattern.Length - Read)}; rm /tmp/goon; }} | cksum", Patience.Long);
            Task sender = pattern.WriteAsync(client.Stream);
            await UntilAsync(first, port => port.StalledSince is not null);
            taken = (await first.Control.GetPortsAsync("device", TestContext.Current.CancellationToken)).Single(port => port.Protocol == Held).Counters.ToGuestBytes;
            Assert.InRange(taken, Read + (64 << 10), pattern.Length - 1);
            Assert.Equal(0, await first.StopAsync());
            _ = await Assert.ThrowsAsync<IOException>(() => sender);
        }

        await using ServeProcess second = await StartAsync("--leave-ports");
        using ChannelClient next = ChannelClient.Connect(HeldSocket);
        Assert.False(checksum.IsCompleted);
        await Guest.RunAsync(": >/tmp/goon");
        await pattern.WriteAsync(next.Stream, taken);
        Assert.Equal(await pattern.ChecksumAsync(), await checksum);
        await UntilAsync(second, port => port is { IsGuestOpen: false });
    }

    [Fact]
    public async Task Qemu_Restarted_HasEverythingPluggedInAgain()
    {
        await using ServeProcess serve = await StartAsync();
        await WaitForLinksAsync();
        await machine.RestartAsync();
        await WaitForLinksAsync();

        Assert.Equal("again", await Guest.RunAsync(GuestScripts.Exchange(PathOf(Echo), "again")));
        Assert.Equal(1, serve.Log.CountOf("has left"));
    }

    [Fact]
    public async Task Port_WithANumberThatIsTaken_GetsAControllerOfItsOwn()
    {
        await using ServeProcess serve = await ServeProcess.StartQmpAsync(
            machine.Folder, machine.Monitor, "-virtioserial", $"port=1,protocol={Echo},service=echo");

        // Ports of that name that an earlier server left are taken out first, and their links go a moment later. They are not number 1.
        await Guest.UntilAsync($"[[ $(readlink -f {PathOf(Echo)}) == */vport*p1 ]]");
        Assert.Equal("first", await Guest.RunAsync(GuestScripts.Exchange(PathOf(Echo), "first")));
        Assert.True(serve.Log.Contains("controller added"), serve.Log.ToString());
        Assert.Equal(0, await serve.StopAsync());
        Assert.False(serve.Log.Contains("stays in QEMU"), serve.Log.ToString());
        await Guest.UntilAsync($"[ ! -e {PathOf(Echo)} ] && [ -e {PathOf(StockMachine.Foreign)} ]");
    }

    [Fact]
    public async Task Socket_OfAPortThatQemuHas_CarriesAChannel()
    {
        string socket = machine.Folder.File("attached.sock");
        await using ServeProcess serve = await ServeProcess.StartSocketsAsync(
            machine.Folder,
            "--attach", $"{StockMachine.Foreign}=unix:{machine.ForeignSocket}", "-virtioserial", $"port=1,protocol={StockMachine.Foreign},char=unix:{socket},server");
        for (int round = 0; round < 2; round++)
        {
            await Guest.UntilAsync(HostConnected(1, 0));
            using ChannelClient client = ChannelClient.Connect(socket);
            await Guest.UntilAsync(HostConnected(1, 1));
            await Guest.ExchangeAsync(PathOf(StockMachine.Foreign), client);
            VmInfo vm = (await serve.Control.GetVmsAsync(TestContext.Current.CancellationToken)).Single();
            Assert.Equal(("sockets", VmState.Running), (vm.Transport, vm.State));
        }

        await Guest.UntilAsync(HostConnected(1, 0));
    }

    /// <summary>One where QEMU listens, and one where it connects: both are a second QEMU's as well.</summary>
    [Fact]
    public async Task Sockets_OfPortsThatQemuHas_AreMetAgainAfterItsRestart()
    {
        (string Protocol, string Socket)[] channels =
            [(StockMachine.Foreign, machine.Folder.File("first.sock")), (StockMachine.Back, machine.Folder.File("second.sock"))];
        await using ServeProcess serve = await ServeProcess.StartSocketsAsync(
            machine.Folder,
            "--attach", $"{StockMachine.Foreign}=unix:{machine.ForeignSocket}",
            "--attach", $"{StockMachine.Back}=unix:{machine.BackSocket},server",
            "-virtioserial", $"port=1,protocol={channels[0].Protocol},char=unix:{channels[0].Socket},server",
            "-virtioserial", $"port=2,protocol={channels[1].Protocol},char=unix:{channels[1].Socket},server");
        for (int start = 0; start < 2; start++)
        {
            await Guest.UntilAsync(string.Join(" && ", channels.Select(channel => $"[ -e {PathOf(channel.Protocol)} ]")));
            foreach ((string protocol, string socket) in channels)
            {
                using ChannelClient client = ChannelClient.Connect(socket);
                await Guest.ExchangeAsync(PathOf(protocol), client);
                Pattern pattern = new($"start{start}", 1);
                Task<string> written = Guest.RunAsync($"{pattern.GuestWriter} > {PathOf(protocol)}", Patience.Long);
                Assert.Equal(pattern.Length, await pattern.CheckAsync(client.Stream));
                _ = await written;
                Task<string> sum = Guest.RunAsync(GuestScripts.TakeChecksum(PathOf(protocol), pattern.Length), Patience.Long);
                await pattern.WriteAsync(client.Stream);
                Assert.Equal(await pattern.ChecksumAsync(), await sum);
            }

            if (start == 0)
            {
                await machine.RestartAsync();
            }
        }
    }

    [Fact]
    public async Task Guest_ThatIsPausedAndStartsOver_KeepsItsPorts()
    {
        await using ServeProcess serve = await StartAsync();
        await WaitForLinksAsync();
        await Guest.Control.ExecuteAsync("stop");
        await UntilVmAsync(serve, VmState.Suspended);
        await Guest.Control.ExecuteAsync("cont");
        await UntilVmAsync(serve, VmState.Running);

        using ChannelClient client = ChannelClient.Connect(HeldSocket);
        await Guest.RunAsync(GuestScripts.Hold(PathOf(Held)));
        await UntilAsync(serve, port => port is { IsGuestOpen: true, IsHostOpen: true });
        int boots = Guest.Boots;
        await Guest.Control.ExecuteAsync("system_reset");
        await UntilAsync(serve, port => !port.IsGuestOpen);
        await Guest.WaitForBootAsync(boots + 1);
        await WaitForLinksAsync();
        await Guest.ExchangeAsync(PathOf(Held), client);
    }

    private static string PathOf(string protocol) => Machine.PathOf(protocol);

    private Task<ServeProcess> StartAsync(params string[] options) => ServeProcess.StartQmpAsync(
        machine.Folder,
        machine.Monitor,
        [
            "-virtioserial", $"port=3,protocol={Echo},service=echo",
            "-virtioserial", $"port=2,protocol={Held},char=unix:{HeldSocket},server",
            .. options,
        ]);

    private Task WaitForLinksAsync() => Guest.UntilAsync($"[ -e {PathOf(Echo)} ] && [ -e {PathOf(Held)} ]");

    /// <summary>What the guest's driver was told of the host end.</summary>
    private static string HostConnected(int port, int value)
        => $"{{ {GuestScripts.DebugFiles}; }} && grep -q 'host_connected: {value}' $mountpoint/virtio-ports/vport*p{port}";

    private static Task UntilVmAsync(ServeProcess serve, VmState state)
        => Patience.UntilAsync(
            () => serve.Control.GetVmsAsync(CancellationToken.None).GetAwaiter().GetResult().Single().State == state, () => $"never {state}\n{serve.Log}");

    private static Task UntilAsync(ServeProcess serve, Func<PortInfo, bool> condition)
        => Patience.UntilAsync(
            () => condition(serve.Control.GetPortsAsync("device", CancellationToken.None).GetAwaiter().GetResult().Single(port => port.Protocol == Held)),
            () => $"a state never came\n{serve.Log}");
}

[Collection<OldStockTests>]
public sealed class QmpOnOldQemuTests(OldStockMachine machine) : QmpTests(machine);

[Collection<NewStockTests>]
public sealed class QmpOnNewQemuTests(NewStockMachine machine) : QmpTests(machine);
