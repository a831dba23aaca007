using System.Globalization;
using VmChannel.SystemTests.Http;
using VmChannel.SystemTests.Rig;

namespace VmChannel.SystemTests.Library;

/// <summary>The samples in a guest, and programs of the host that talk to them.</summary>
[Collection<AgentTests>]
public sealed class SampleTests(AgentMachine machine) : IAsyncDisposable
{
    private const string Vm = "device";

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Agent_HostsAndPlugsThatComeAndGo_AnswersEachTime()
    {
        const string Name = "com.example.agent";
        string agent = await StartAsync(AgentBuilds.Jit("samples/agent", "agent"));
        string hostName = await HostNameAsync();
        for (int plug = 1; plug <= 2; plug++)
        {
            await PlugAsync(Name, ",on-guest-close=disconnect");
            for (int host = 1; host <= 2; host++)
            {
                using ChannelClient client = machine.Connect(Name);
                await client.SendAsync($"hostname\nsomething {host}\n");
                await client.ExpectAsync($"{hostName}\nsomething {host}\n");
            }

            await UnplugAsync(Name);
        }

        await StopAsync(agent);
    }

    [Theory]
    [InlineData(AgentBuild.Jit)]
    [InlineData(AgentBuild.Native)]
    public async Task HttpService_HostsVerbsAndABrowser_AreAnswered(AgentBuild build)
    {
        const string Name = "org.example.api";
        await PlugAsync(Name);
        string service = await StartAsync(build == AgentBuild.Jit ? AgentBuilds.Jit("samples/http-service", "http-service") : Executables.HttpService);

        Assert.Equal((0, $"Hello from {await HostNameAsync()}", ""), await machine.Serve.CommandAsync("http", Vm, Name, "GET", "/", "--timeout", "60s"));
        Assert.Equal((0, "LOUDER", ""), await machine.Serve.CommandAsync("http", Vm, Name, "POST", "/shout", "--data", "louder", "--http2"));
        await using (HostProcess forward = Start([Executables.VmChannel, "forward", "0", Vm, Name]))
        {
            string line = await forward.Output.WaitForNextAsync(0).WaitAsync(Patience.Short, Cancellation);
            using HttpClient browser = new() { BaseAddress = new Uri(line.Split(' ')[0]) };
            string time = await browser.GetStringAsync(new Uri("time", UriKind.Relative), Cancellation);
            Assert.True(DateTimeOffset.TryParse(time, CultureInfo.InvariantCulture, out _), time);
        }

        await StopAsync(service);
        await UnplugAsync(Name);
    }

    [Fact]
    public async Task GrpcService_ClientOfTheHost_TalksBothWays()
    {
        const string Name = "org.example.grpc";
        await PlugAsync(Name);
        string service = await StartAsync(AgentBuilds.Jit("samples/grpc-service", "grpc-service"));
        await machine.WaitForAsync(Name, port => port.IsGuestOpen);
        await using (HostProcess client = Start(["dotnet", WebMachine.Program("samples/grpc-client"), Vm]))
        {
            int code = await client.Ended.WaitAsync(Patience.Short, Cancellation);
            Assert.True(code == 0, client.Errors.ToString());
            Assert.Equal([$"Hello host, from {await HostNameAsync()}", "Hello Ada", "Hello Grace", "Hello Barbara"], client.Output.All);
        }

        await StopAsync(service);
        await UnplugAsync(Name);
    }

    [Fact]
    public async Task LogShipper_HostComesAndGoesAndTheLogIsRotated_EveryLineArrivesOnce()
    {
        const string Name = "org.example.log";
        string file = machine.File("shipped.log");
        await machine.ChangeAsync("plug", $"protocol={Name},char=unix:{machine.SocketOf(Name)},server,logfile={file}");
        await machine.Guest.RunAsync("echo 'the first line' >/tmp/shipped");
        string shipper = await StartAsync($"{AgentBuilds.Jit("samples/log-shipper", "log-shipper")} /tmp/shipped");
        using (ChannelClient client = machine.Connect(Name))
        {
            await client.ExpectAsync("the first line\n");
        }

        await machine.Guest.RunAsync("echo 'said to nobody' >>/tmp/shipped");
        using (ChannelClient client = machine.Connect(Name))
        {
            await client.ExpectAsync("said to nobody\n");
            await machine.Guest.RunAsync("echo 'rotated' >/tmp/shipped");
            await client.ExpectAsync("rotated\n");
        }

        await Patience.UntilAsync(() => File.ReadAllText(file) == "the first line\nsaid to nobody\nrotated\n", () => File.ReadAllText(file));
        await StopAsync(shipper);
        await UnplugAsync(Name);
    }

    /// <summary>A failed one shows what the sample and the server said.</summary>
    public async ValueTask DisposeAsync()
    {
        if (TestContext.Current.TestState?.Result == TestResult.Failed)
        {
            string sample = (await machine.Guest.TryAsync("cat /tmp/sample.log")).Output;
            TestContext.Current.TestOutputHelper?.WriteLine($"--- the sample ---\n{sample}\n--- serve ---\n{machine.Serve.Log}");
        }
    }

    private Task PlugAsync(string protocol, string options = "") =>
        machine.ChangeAsync("plug", $"protocol={protocol},char=unix:{machine.SocketOf(protocol)},server{options}");

    private Task UnplugAsync(string protocol) => machine.ChangeAsync("unplug", protocol);

    private Task<string> HostNameAsync() => machine.Guest.RunAsync("read -r name </proc/sys/kernel/hostname; echo $name");

    /// <summary>Starts a sample in the guest, where files are the guest's own: ASP.NET Core watches its folder for changes, with all below.</summary>
    private Task<string> StartAsync(string program) =>
        machine.Guest.RunAsync($"{AgentMachine.Command($"/usr/bin/env --chdir=/tmp {program}")} </dev/null >/tmp/sample.log 2>&1 & echo $!");

    private Task StopAsync(string pid) => machine.Guest.UntilAsync($"kill {pid} 2>/dev/null; [ ! -e /proc/{pid}/exe ]");

    /// <summary>Starts a program of the host.</summary>
    private HostProcess Start(string[] command) => HostProcess.Start(command, start => start.Environment["XDG_RUNTIME_DIR"] = machine.Serve.Runtime);
}
