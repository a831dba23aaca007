using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using VmChannel.Cli.Serve;
using VmChannel.Cli.Tests.Serve;
using VmChannel.Control;
using VmChannel.Native;
using VmChannel.Testing;
using VmChannel.Wire.VirtioConsole;
using Xunit;

namespace VmChannel.Cli.Tests.Config;

public sealed class ConfigReloadTests
{
    private const string Echo = """
        [vm.one]
        vhost-user = "~/one.sock"
        max-ports = 8
        [[vm.one.port]]
        port = 1
        protocol = "test.echo"
        service = "echo"

        """;

    private const string Sink = """
        [[vm.one.port]]
        protocol = "test.sink"
        service = "sink"

        """;

    [Fact]
    public async Task Reload_NewVmWhoseServerWaitsForAClient_IsServedAtOnce()
    {
        await using ReloadRig rig = await ReloadRig.StartAsync(Echo);

        ReloadResult result = await rig.ReloadAsync(
            Echo + "[vm.two]\nvhost-user = \"~/two.sock\"\n[[vm.two.port]]\nprotocol = \"test.late\"\nchar = \"unix:~/late.sock,server=on,wait=on\"\n");

        AssertResult(result, ["two"], [], [], unchanged: 1);
        Assert.NotNull(rig.Server.Find("two"));
    }

    [Fact]
    public async Task Dispose_WhileAReloadWaitsForSomebody_EndsTheReload()
    {
        using TcpListener silent = new(IPAddress.Loopback, 0);
        silent.Start();
        await using ReloadRig rig = await ReloadRig.StartAsync(Echo);
        Task<ReloadResult> reload = rig.ReloadAsync(
            Echo + $"[[vm.one.port]]\nprotocol = \"test.tls\"\nchar = \"tcp:127.0.0.1:{((IPEndPoint)silent.LocalEndpoint).Port},tls=on\"\n");
        using Socket waiting = await silent.AcceptSocketAsync(ServerRig.Cancellation);

        await rig.StopReloadsAsync();

        IOException stopped = await Assert.ThrowsAsync<IOException>(() => reload);
        Assert.Contains("the server is being stopped", stopped.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Reload_SameFile_TouchesNothing()
    {
        await using ReloadRig rig = await ReloadRig.StartAsync(Echo + Sink);
        ServedPort[] before = [.. rig.Vm("one").Ports];

        ReloadResult result = await rig.ReloadAsync("# only a comment, and so other lines\n" + Echo + Sink);

        AssertResult(result, [], [], [], unchanged: 2);
        Assert.Equal(before, rig.Vm("one").Ports);
    }

    [Theory]
    [InlineData("char = \"pty,path=~/tty\"")]
    [InlineData("char = \"tcp:localhost:0,server\"\nclients = 3\nmode = \"broadcast\"")]
    [InlineData("char = \"unix:~/x.sock,server\"\nallow = \"uid:0/gid:0\"")]
    [InlineData("service = \"log\"\npath = \"~/x.log\"")]
    [InlineData("service = \"sink\"\nrate = \"1M\"\nhistory = 4096\nlogfile = \"~/x.log\"\nlogsize = \"1M\"\nwriteonly = false")]
    public async Task Reload_SamePort_IsNotTouchedWhateverItsOptions(string keys)
    {
        string text = $"{Echo}[[vm.one.port]]\nprotocol = \"test.other\"\n{keys}\n";
        await using ReloadRig rig = await ReloadRig.StartAsync(text);
        ServedPort[] before = [.. rig.Vm("one").Ports];

        AssertResult(await rig.ReloadAsync(text), [], [], [], unchanged: 2);
        Assert.Equal(before, rig.Vm("one").Ports);
    }

    [Fact]
    public async Task Reload_PortsAddedChangedAndRemoved_AreSeenByTheGuest()
    {
        await using ReloadRig rig = await ReloadRig.StartAsync(Echo);
        using GuestDouble guest = new(rig.Vm("one"));

        AssertResult(await rig.ReloadAsync(Echo + Sink), ["one port 2 (test.sink)"], [], [], unchanged: 1);
        _ = guest.Driver.Expect(ControlEvent.PortAdd, 2);

        AssertResult(
            await rig.ReloadAsync(Echo + Sink.Replace("service = \"sink\"", "service = \"source\"", StringComparison.Ordinal)),
            [], [], ["one port 2 (test.sink)"], unchanged: 1);
        Assert.Equal("source", rig.Vm("one").Ports[2]!.Plan.Service);

        AssertResult(await rig.ReloadAsync(Echo), [], ["one port 2 (test.sink)"], [], unchanged: 1);
        _ = guest.Driver.Expect(ControlEvent.PortRemove, 2);
    }

    [Fact]
    public async Task Reload_UnderLoad_LosesNoByteOfAnUnchangedPort()
    {
        const int Rounds = 12;
        const int PieceBytes = 32 * 1024;
        await using ReloadRig rig = await ReloadRig.StartAsync(Echo);
        using GuestDouble guest = new(rig.Vm("one"));
        guest.Driver.Open(1);
        using CancellationTokenSource enough = new();
        Task<long> traffic = Task.Factory.StartNew(
            () =>
            {
                long pieces = 0;
                byte[] sent = new byte[PieceBytes];
                for (; !enough.IsCancellationRequested; pieces++)
                {
                    RandomNumberGenerator.Fill(sent);
                    guest.Driver.Write(1, sent);
                    Assert.Equal(SHA256.HashData(sent), SHA256.HashData(guest.Driver.Receive(1, PieceBytes)));
                }

                return pieces;
            },
            ServerRig.Cancellation, TaskCreationOptions.LongRunning, TaskScheduler.Default);

        for (int round = 0; round < Rounds; round++)
        {
            string other = $"[vm.other{round % 2}]\nvhost-user = \"~/other{round % 2}.sock\"\n";
            ReloadResult added = await rig.ReloadAsync($"{Echo}{Sink}[[vm.one.port]]\nprotocol = \"test.unix\"\nchar = \"unix:~/{round % 3}.sock,server\"\n{other}");
            Assert.Empty(added.Failed);
            Assert.Equal(1, added.Unchanged);
            ReloadResult removed = await rig.ReloadAsync(Echo);
            Assert.Empty(removed.Failed);
            Assert.Equal(3, removed.Removed.Count);
        }

        await enough.CancelAsync();
        Assert.NotEqual(0, await traffic);
    }

    [Fact]
    public async Task Reload_FileWithErrors_ChangesNothingAndSaysAll()
    {
        await using ReloadRig rig = await ReloadRig.StartAsync(Echo);
        ServedPort[] before = [.. rig.Vm("one").Ports];

        ReloadException refused = await Assert.ThrowsAsync<ReloadException>(
            () => rig.ReloadAsync("[vm.one]\nvhost-usr = \"~/one.sock\"\n[vm.two]\nvhost-user = \"~/two.sock\"\nmax-ports = 0\n"));

        Assert.Equal(3, refused.Errors.Count);
        Assert.All(refused.Errors, error => Assert.StartsWith($"{rig.Path}:", error, StringComparison.Ordinal));
        Assert.All(refused.Errors, error => Assert.True(rig.Log.Contains(error)));
        Assert.Equal(before, rig.Vm("one").Ports);
        Assert.Null(rig.Server.Find("two"));
        AssertResult(await rig.ReloadAsync(Echo), [], [], [], unchanged: 1);
    }

    [Fact]
    public async Task Reload_VmsAddedAndRemoved_TheOthersGuestStays()
    {
        await using ReloadRig rig = await ReloadRig.StartAsync(Echo + "[vm.two]\nvhost-user = \"~/two.sock\"\n");
        using GuestDouble guest = new(rig.Vm("one"));

        ReloadResult result = await rig.ReloadAsync(Echo + "[vm.three]\nvhost-user = \"~/three.sock\"\n");

        AssertResult(result, ["three"], ["two"], [], unchanged: 1);
        Assert.Equal(["one", "three"], rig.Server.Vms.Select(vm => vm.Name));
        Assert.False(File.Exists(rig.File("two.sock")));
        guest.Driver.Open(1);
        guest.Driver.Write(1, "still"u8);
        Assert.Equal("still"u8.ToArray(), guest.Driver.Receive(1, 5));
    }

    [Fact]
    public async Task Reload_StepThatFails_LeavesTheRestAndIsTriedAgain()
    {
        const string Taken = "[[vm.one.port]]\nprotocol = \"test.taken\"\nchar = \"unix:~/taken.sock,server\"\n";
        await using ReloadRig rig = await ReloadRig.StartAsync(Echo);
        Assert.True(UnixAddress.TryCreate(rig.File("taken.sock"), isAbstract: false, isTight: true, out UnixAddress? address, out _));
        using (UnixListener? other = UnixListener.TryOpen(address, 1, out _))
        {
            ReloadResult result = await rig.ReloadAsync(Echo + Taken + Sink);

            Assert.Equal(["one port 2 (test.sink)"], result.Added);
            string failure = Assert.Single(result.Failed);
            Assert.StartsWith($"one: {rig.Path}:8: ", failure, StringComparison.Ordinal);
            Assert.True(rig.Log.Contains(failure));
        }

        AssertResult(await rig.ReloadAsync(Echo + Taken + Sink), ["one port 3 (test.taken)"], [], [], unchanged: 2);
    }

    [Fact]
    public async Task Reload_ChangeThatFails_KeepsThePortInTheFile()
    {
        string Port(string path) => $"{Echo}[[vm.one.port]]\nprotocol = \"test.log\"\nservice = \"log\"\npath = \"{path}\"\n";
        await using ReloadRig rig = await ReloadRig.StartAsync(Port("~/a.log"));

        Assert.Single((await rig.ReloadAsync(Port("~/no/such/folder/a.log"))).Failed);

        AssertResult(await rig.ReloadAsync(Port("~/b.log")), [], [], ["one port 2 (test.log)"], unchanged: 1);
        AssertResult(await rig.ReloadAsync(Echo), [], ["one port 2 (test.log)"], [], unchanged: 1);
    }

    [Fact]
    public async Task Reload_DeviceOfAConnectedVm_IsLeftUntilItsVmmIsGone()
    {
        string larger = Echo.Replace("max-ports = 8", "max-ports = 16", StringComparison.Ordinal) + Sink;
        await using ReloadRig rig = await ReloadRig.StartAsync(Echo);
        VmHost before = rig.Vm("one");
        using (GuestDouble guest = new(before))
        {
            ReloadResult refused = await rig.ReloadAsync(larger);

            Assert.Equal(["one port 2 (test.sink)"], refused.Added);
            Assert.Contains("max-ports of one needs a new device", Assert.Single(refused.Failed), StringComparison.Ordinal);
            Assert.Same(before, rig.Vm("one"));
        }

        Wait.Until(() => !before.IsConnectedAsync().GetAwaiter().GetResult(), "the front-end has gone");
        AssertResult(await rig.ReloadAsync(larger), [], [], ["one"], unchanged: 0);
        Assert.Equal(16, rig.Vm("one").Plan.Device.Settings.MaxPorts);
        Assert.Equal(2, rig.Vm("one").Ports.Count);
    }

    [Fact]
    public async Task Reload_PortInFrontOfOneWithoutNumber_LeavesItItsNumber()
    {
        const string Head = "[vm.one]\nvhost-user = \"~/one.sock\"\n";
        await using ReloadRig rig = await ReloadRig.StartAsync(Head + Sink);
        ServedPort before = rig.Vm("one").Ports[1]!;

        ReloadResult result = await rig.ReloadAsync(Head + "[[vm.one.port]]\nprotocol = \"test.first\"\nservice = \"echo\"\n" + Sink);

        AssertResult(result, ["one port 2 (test.first)"], [], [], unchanged: 1);
        Assert.Same(before, rig.Vm("one").Ports[1]);
    }

    [Fact]
    public async Task Reload_OtherNumber_MovesThePort()
    {
        await using ReloadRig rig = await ReloadRig.StartAsync(Echo);

        ReloadResult result = await rig.ReloadAsync(Echo.Replace("port = 1", "port = 5", StringComparison.Ordinal));

        AssertResult(result, [], [], ["one port 5 (test.echo)"], unchanged: 0);
        Assert.Equal(5, Assert.Single(rig.Vm("one").Ports).Plan.Spec.Number);
    }

    [Fact]
    public async Task Reload_PortPluggedByHand_StaysAndIsTakenOverByTheFile()
    {
        await using ReloadRig rig = await ReloadRig.StartAsync(Echo);
        ServedPort plugged = await rig.Vm("one").PlugAsync(ServerRig.Request("port=4,protocol=test.sink,service=sink"), ServerRig.Cancellation);

        AssertResult(await rig.ReloadAsync(Echo), [], [], [], unchanged: 1);
        Assert.Same(plugged, rig.Vm("one").Ports[4]);

        AssertResult(await rig.ReloadAsync(Echo + Sink), [], [], [], unchanged: 2);
        Assert.Same(plugged, rig.Vm("one").Ports[4]);

        AssertResult(await rig.ReloadAsync(Echo), [], ["one port 4 (test.sink)"], [], unchanged: 1);
    }

    [Fact]
    public async Task Reload_ControlMoved_SaysThatARestartIsNeeded()
    {
        await using ReloadRig rig = await ReloadRig.StartAsync(Echo);

        ReloadResult result = await rig.ReloadAsync("control = \"~/other.sock\"\n" + Echo);

        Assert.Contains("restart vmchannel", Assert.Single(result.Failed), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("poll-us = 50\n")]
    [InlineData("loops = 77\n")]
    public async Task Reload_LoopsDiffer_SaysThatARestartIsNeeded(string line)
    {
        await using ReloadRig rig = await ReloadRig.StartAsync(Echo);

        ReloadResult result = await rig.ReloadAsync(line + Echo);

        Assert.Contains("restart vmchannel", Assert.Single(result.Failed), StringComparison.Ordinal);
    }

    private static void AssertResult(ReloadResult result, string[] added, string[] removed, string[] changed, int unchanged)
    {
        Assert.Empty(result.Failed);
        Assert.Equal(added, result.Added);
        Assert.Equal(removed, result.Removed);
        Assert.Equal(changed, result.Changed);
        Assert.Equal(unchanged, result.Unchanged);
    }
}
