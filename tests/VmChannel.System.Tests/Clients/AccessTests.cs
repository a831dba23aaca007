using System.Globalization;
using System.Text.RegularExpressions;
using VmChannel.SystemTests.Rig;

namespace VmChannel.SystemTests.Clients;

/// <summary>Who may be a client, and what clients may do.</summary>
[Collection<UmlTests>]
public sealed class AccessTests(UmlMachine machine) : GuestTests(machine)
{
    private const int Stranger = 54322;

    [Fact]
    public async Task ReadOnly_WhatAClientSends_NeverReachesTheGuest()
    {
        string path = await PlugAsync("test.readonly", $"char=unix:{Machine.File("readonly.sock")},server,readonly");
        using ChannelClient client = Machine.ConnectFile("readonly.sock");
        await client.SendAsync("forbidden\n");
        await Guest.RunAsync(GuestScripts.Hold(path));
        await UntilDroppedAsync("test.readonly", "forbidden\n".Length);
        await Guest.RunAsync(GuestScripts.LetGo);
        await Guest.RunAsync($"echo allowed > {path}");
        await client.ExpectAsync("allowed\n");

        // The first that the guest ever reads is what was sent after the port was opened to writers.
        await SetAsync("test.readonly", "readonly=off");
        await client.SendAsync("now\n");
        Assert.Equal("now", await Guest.RunAsync($"read -r line < {path}; echo $line"));
        await UnplugAsync("test.readonly");
    }

    [Fact]
    public async Task WriteOnly_WhatTheGuestWrites_NeverReachesAClientAndNeverWaits()
    {
        string path = await PlugAsync("test.writeonly", $"char=unix:{Machine.File("writeonly.sock")},server,writeonly");
        Pattern pattern = new("writeonly", 1);
        await Guest.RunAsync($"{pattern.GuestWriter} > {path}");
        using ChannelClient client = Machine.ConnectFile("writeonly.sock");
        await client.SendAsync("go on\n");
        Assert.Equal("go on", await Guest.RunAsync($"read -r line < {path}; echo $line; {pattern.GuestWriter} > {path}"));
        await UntilDroppedAsync("test.writeonly", pattern.Length * 2);
        await SetAsync("test.writeonly", "writeonly=off");
        await Guest.RunAsync($"echo from now on > {path}");
        await client.ExpectAsync("from now on\n");
        await UnplugAsync("test.writeonly");
    }

    [Fact]
    public async Task Allow_AClientOfAnotherUser_IsRefusedAndNamed()
    {
        // Root can be two users; somebody else can only be the wrong one.
        bool isRoot = Environment.IsPrivilegedProcess;
        string self = (await Self("-u")).ToString(CultureInfo.InvariantCulture);
        string path = await PlugAsync("test.allow", $"char=unix:{Machine.File("allow.sock")},server,allow=uid:{Stranger}");
        await using EventTrail trail = await EventTrail.StartAsync(Machine.Serve);
        using (ChannelClient refused = Machine.ConnectFile("allow.sock"))
        {
            Assert.Equal(0, await refused.Stream.ReadAsync(new byte[1], TestContext.Current.CancellationToken).AsTask().WaitAsync(Patience.Short, TestContext.Current.CancellationToken));
        }

        await trail.ExpectAsync("test.allow", $@"peer-refused process {Environment.ProcessId} \(user {self}, group \d+\) is not among allow=uid:{Stranger}");
        await Machine.Serve.Log.WaitForAsync($"it is not among allow=uid:{Stranger}");
        if (isRoot)
        {
            await using HostProcess stranger = StartStranger("allow.sock");
            await trail.ExpectAsync("test.allow", $"host-opened 1 .*user {Stranger}.*");
            await SetAsync("test.allow", $"char=unix:{Machine.File("allow2.sock")},server,allow=uid:{self}");
            await using HostProcess second = StartStranger("allow2.sock");
            await trail.WaitForAsync("host-closed", "test.allow");
            await Patience.UntilAsync(() => trail.All.Count(told => told.Kind == "peer-refused") == 2, trail.ToString);
            using ChannelClient allowed = Machine.ConnectFile("allow2.sock");
            await Guest.ExchangeAsync(path, allowed);
        }

        await UnplugAsync("test.allow");
    }

    private static async Task<int> Self(string what)
    {
        await using HostProcess id = await HostProcess.RunAsync("id", what);
        return int.Parse(id.Output.ToString(), CultureInfo.InvariantCulture);
    }

    /// <summary>A client of another user: the program under test, which connects to a socket as well.</summary>
    private HostProcess StartStranger(string socket)
    {
        File.SetUnixFileMode(Machine.File("."), (UnixFileMode)0b111_001_001);
        string folder = Directory.CreateDirectory(Machine.File($"{socket}.stranger")).FullName;
        File.SetUnixFileMode(folder, (UnixFileMode)0b111_111_111);
        string program = Path.Combine(folder, "vmchannel");
        File.Copy(Executables.VmChannel, program);
        return HostProcess.Start(
        [
            "setpriv", $"--reuid={Stranger}", $"--regid={Stranger}", "--clear-groups", program, "serve", "--vhost-user", Path.Combine(folder, "device.sock"),
            "--control", "none", "-virtioserial", $"protocol=test.stranger,char=unix:{Machine.File(socket)},reconnect-ms=100000",
        ]);
    }

    /// <summary>Waits until as many bytes were dropped because they may not pass.</summary>
    private async Task UntilDroppedAsync(string protocol, long bytes)
    {
        Regex metric = new($@"^vmchannel_port_refused_bytes_total\{{.*protocol=""{Regex.Escape(protocol)}"".*\}} (\d+)", RegexOptions.Multiline);
        long dropped = -1;
        await Patience.UntilAsync(() => (dropped = DroppedAsync().Result) == bytes, () => $"{protocol}: {dropped} bytes dropped, not {bytes}");

        async Task<long> DroppedAsync() =>
            metric.Matches(await Machine.Serve.GetAsync("/metrics")).Sum(match => long.Parse(match.Groups[1].Value, CultureInfo.InvariantCulture));
    }
}
