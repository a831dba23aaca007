using System.Globalization;
using System.Text.Json;
using VmChannel.SystemTests.Rig;

namespace VmChannel.SystemTests.Servers;

/// <summary>The commands that talk to a running server, as people use them.</summary>
public sealed class ControlVerbTests
{
    [Fact]
    public async Task Ports_PluggedAndTakenOut_AreSeenByPeopleAndPrograms()
    {
        using TestFolder folder = new();
        await using ServeProcess serve = await ServeProcess.StartAsync(folder, "-virtioserial", "port=4,protocol=org.qemu.clipboard");

        (int code, string table, _) = await serve.CommandAsync("ports");
        Assert.Equal(0, code);
        Assert.Matches(@"(?m)^ *4  org\.qemu\.clipboard  not ready  open ", table);
        Assert.Equal(0, (await serve.CommandAsync("plug", "device", "protocol=org.example.debug,service=echo")).Code);
        using JsonDocument ports = JsonDocument.Parse((await serve.CommandAsync("ports", "device", "--json")).Output);
        Assert.Equal(
            ["org.example.debug", "org.qemu.clipboard"], ports.RootElement.EnumerateArray().Select(port => port.GetProperty("protocol").GetString()));
        Assert.Equal(0, (await serve.CommandAsync("set", "debug", "rate=1M")).Code);
        (_, string tree, _) = await serve.CommandAsync("inspect");
        Assert.Contains("rate 1.0 MiB/s", tree, StringComparison.Ordinal);
        Assert.Equal(0, (await serve.CommandAsync("unplug", "debug")).Code);
        (int missing, _, string errors) = await serve.CommandAsync("unplug", "debug");
        Assert.Equal(1, missing);
        Assert.Contains("device has no port debug: it has 4 (org.qemu.clipboard)", errors, StringComparison.Ordinal);
        (_, string vms, _) = await serve.CommandAsync("vms");
        Assert.Matches(@"(?m)^device +no VMM +1 ", vms);
    }

    [Fact]
    public async Task Watch_WhileAPortIsPlugged_PrintsIt()
    {
        using TestFolder folder = new();
        await using ServeProcess serve = await ServeProcess.StartAsync(folder, "-virtioserial", "port=4,protocol=org.qemu.clipboard");
        await using HostProcess watch = HostProcess.Start(
            [Executables.VmChannel, "watch", "--json"], start => start.Environment["XDG_RUNTIME_DIR"] = serve.Runtime, null, keepsOutput: true);

        // When it begins to listen cannot be seen from outside: ports come and go until it tells of one.
        for (int i = 0; !watch.Output.ToString().Contains("\"kind\":\"unplugged\"", StringComparison.Ordinal); i++)
        {
            Assert.True(i < 500, watch.Output.ToString());
            Assert.Equal(0, (await serve.CommandAsync("plug", "protocol=org.example.debug,service=echo")).Code);
            Assert.Equal(0, (await serve.CommandAsync("unplug", "debug")).Code);
        }

        Assert.Contains("\"protocol\":\"org.example.debug\"", watch.Output.ToString(), StringComparison.Ordinal);
        Assert.Equal(0, await serve.StopAsync());
        Assert.Equal(1, await watch.Ended.WaitAsync(Patience.Short, TestContext.Current.CancellationToken));
    }

    [Fact]
    public async Task Completion_OfVmsAndPorts_AsksTheServer()
    {
        using TestFolder folder = new();
        await using ServeProcess serve = await ServeProcess.StartAsync(folder, "-virtioserial", "port=4,protocol=org.qemu.clipboard");

        Assert.Contains("unplug\n", await CompleteAsync("vmchannel unp"), StringComparison.Ordinal);
        string words = await CompleteAsync("vmchannel unplug ");
        Assert.Contains("device\n", words, StringComparison.Ordinal);
        Assert.Contains("org.qemu.clipboard\n", words, StringComparison.Ordinal);
        Assert.Contains("org.qemu.clipboard\n", await CompleteAsync("vmchannel unplug device org"), StringComparison.Ordinal);
        Assert.Contains("complete -o default -F _vmchannel vmchannel", (await serve.CommandAsync("completion", "bash")).Output, StringComparison.Ordinal);

        async Task<string> CompleteAsync(string line)
            => (await serve.CommandAsync(string.Create(CultureInfo.InvariantCulture, $"[suggest:{line.Length}]"), line)).Output + "\n";
    }

    [Fact]
    public async Task Serve_OfANameThatIsServed_IsRefusedBeforeItTouchesAnything()
    {
        using TestFolder folder = new();
        await using ServeProcess serve = await ServeProcess.StartAsync(folder, "-virtioserial", "port=4,protocol=org.qemu.clipboard");

        (int code, _, string errors) = await serve.CommandAsync(
            "serve", "--vhost-user", folder.File("other.sock"), "--name", "device", "-virtioserial", "protocol=a.b,char=null");

        Assert.Equal(1, code);
        Assert.Contains($"a VM named device is served already, by process {serve.Process.Id}", errors, StringComparison.Ordinal);
        Assert.False(File.Exists(folder.File("other.sock")));
    }

    [Fact]
    public async Task Ports_NobodyServes_SaysWhatToDo()
    {
        using TestFolder folder = new();
        await using HostProcess ports = HostProcess.Start(
            [Executables.VmChannel, "ports"], start => start.Environment["XDG_RUNTIME_DIR"] = folder.Root, null, keepsOutput: true);

        Assert.Equal(1, await ports.Ended.WaitAsync(Patience.Short, TestContext.Current.CancellationToken));
        Assert.Contains("no VM is served: start one with vmchannel serve", ports.Errors.ToString(), StringComparison.Ordinal);
    }
}
