using System.Diagnostics;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using VmChannel.Control.Agent;
using VmChannel.Native;
using VmChannel.SystemTests.Rig;
using QemuAgent = VmChannel.Control.Agent.GuestAgent;

namespace VmChannel.SystemTests.Agents;

/// <summary><c>vmchannel agent</c> and its library against Debian's qemu-guest-agent in a real guest.</summary>
/// <remarks>Each test begins with an agent that has just started, and leaves none.</remarks>
public sealed class AgentTests(AgentMachine machine) : IClassFixture<AgentMachine>, IAsyncLifetime
{
    private const int FileBytes = 64 * 1024 * 1024;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync() => await machine.StartAgentAsync();

    public async ValueTask DisposeAsync()
    {
        if (TestContext.Current.TestState?.Result == TestResult.Failed)
        {
            TestContext.Current.TestOutputHelper?.WriteLine($"{machine.Guest.Describe()}\n--- serve ---\n{machine.Serve.Log}");
        }

        await machine.KillAgentAsync();
    }

    [Fact]
    public async Task Exec_HandsOutputErrorsAndExitCodeThrough()
    {
        (int code, string output, string errors) = await machine.RunAsync("exec", "-n", "--env", "A=b", "--", "/bin/sh", "-c", "echo out $A; echo err >&2; exit 3");
        Assert.Equal((3, "out b", "err"), (code, output, errors));

        Assert.Equal(128 + 9, (await machine.RunAsync("exec", "-n", "--", "sh", "-c", "kill -9 $$")).Code);

        (code, _, errors) = await machine.RunAsync("exec", "-n", "--", "/no/such/program");
        Assert.Equal(1, code);
        Assert.Contains("No such file or directory", errors, StringComparison.Ordinal);

        (code, _, errors) = await machine.RunAsync("exec", "-n", "--limit", "300ms", "--", "sleep", "3");
        Assert.Equal(1, code);
        Assert.Contains("has not ended within 0.3 s; it goes on in the guest", errors, StringComparison.Ordinal);

        (code, output, _) = await machine.RunAsync("exec", "-n", "--json", "--", "printf", "a\\377");
        using JsonDocument report = JsonDocument.Parse(output);
        Assert.Equal("Yf8=", report.RootElement.GetProperty("outputBase64").GetString());
        Assert.Equal(0, code);
    }

    [Fact]
    public async Task Exec_OfAPipe_GetsAllOfIt()
    {
        byte[] input = RandomNumberGenerator.GetBytes(3 * 1024 * 1024);
        await using HostProcess exec = Start(null, "exec", "--", "sha256sum");
        await exec.Input.WriteAsync(input, Cancellation);
        exec.Input.Close();

        Assert.Equal(0, await exec.Ended.WaitAsync(Patience.Short, Cancellation));
        Assert.StartsWith(Convert.ToHexStringLower(SHA256.HashData(input)), exec.Output.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Copy_BothWays_IsTheSameFileWithItsMode()
    {
        byte[] bytes = RandomNumberGenerator.GetBytes(FileBytes);
        string source = machine.File("big");
        await File.WriteAllBytesAsync(source, bytes, Cancellation);
        File.SetUnixFileMode(source, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute | UnixFileMode.GroupRead);
        string hash = Convert.ToHexStringLower(SHA256.HashData(bytes));

        (int code, string output, string errors) = await machine.RunAsync("cp", source, ":/tmp");
        Assert.True(code == 0, errors);
        Assert.Equal("740", (await machine.RunAsync("exec", "-n", "--", "stat", "-c", "%a", "/tmp/big")).Output);
        Assert.StartsWith(hash, (await machine.RunAsync("exec", "-n", "--", "sha256sum", "/tmp/big")).Output, StringComparison.Ordinal);

        string back = machine.File("back");
        (code, output, errors) = await machine.RunAsync("cp", "--json", $"{AgentMachine.Vm}:/tmp/big", back);
        Assert.True(code == 0, errors);
        using (JsonDocument report = JsonDocument.Parse(output))
        {
            Assert.Equal(FileBytes, report.RootElement.GetProperty("bytes").GetInt64());
        }

        Assert.Equal(hash, Convert.ToHexStringLower(SHA256.HashData(await File.ReadAllBytesAsync(back, Cancellation))));
        Assert.Equal(File.GetUnixFileMode(source), File.GetUnixFileMode(back));
        Assert.Equal(0, (await machine.RunAsync("exec", "-n", "--", "rm", "/tmp/big")).Code);
    }

    [Fact]
    public async Task Copy_OnATerminal_ShowsABar()
    {
        string source = machine.File("small");
        await File.WriteAllBytesAsync(source, new byte[2 << 20], Cancellation);
        using PseudoTerminal terminal = PseudoTerminal.Open();
        using TerminalText text = new(terminal);
        await using HostProcess copy = HostProcess.Start(
            ["bash", "-c", "exec \"$@\" 2>&0", "bash", Executables.VmChannel, "agent", "cp", source, ":/tmp/small"],
            start =>
            {
                start.Environment["XDG_RUNTIME_DIR"] = machine.Serve.Runtime;
                start.Environment["TERM"] = "xterm";
            },
            terminal.SlavePath);
        await text.WaitForAsync("small: [##############################] 100% of 2");

        Assert.Equal(0, await copy.Ended.WaitAsync(Patience.Short, Cancellation));
    }

    [Fact]
    public async Task Copy_OfWhatIsNotThere_LeavesNothing()
    {
        (int code, _, string errors) = await machine.RunAsync("cp", ":/no/such/file", machine.File("absent"));
        Assert.Equal(1, code);
        Assert.Contains("No such file or directory", errors, StringComparison.Ordinal);
        Assert.False(File.Exists(machine.File("absent")));
    }

    [Fact]
    public async Task Freeze_UntilThawed_HasWritersWait()
    {
        Assert.Equal("thawed", (await machine.RunAsync("fsfreeze", "status")).Output);
        Assert.StartsWith("1 file system frozen", (await machine.RunAsync("fsfreeze", "freeze")).Output, StringComparison.Ordinal);
        Assert.Equal("frozen", (await machine.RunAsync("fsfreeze", "status")).Output);

        Task<string> writer = machine.Guest.RunAsync($"echo late > /host{AgentMachine.Disk}/file; echo written");
        (int code, _, string errors) = await machine.RunAsync("exec", "-n", "--", "true");
        Assert.Equal(1, code);
        Assert.Contains("disabled", errors, StringComparison.Ordinal);
        Assert.False(writer.IsCompleted);

        Assert.StartsWith("1 file system thawed", (await machine.RunAsync("fsfreeze", "thaw")).Output, StringComparison.Ordinal);
        Assert.Equal("written", await writer);
        Assert.Equal("thawed", (await machine.RunAsync("fsfreeze", "status")).Output);
    }

    [Fact]
    public async Task Ping_WithoutAnAgent_SaysSoInTime_AndWorksAsSoonAsItStarts()
    {
        await machine.KillAgentAsync();
        long began = Stopwatch.GetTimestamp();
        (int code, _, string errors) = await machine.RunAsync("ping", "--timeout", "1s");
        Assert.Equal(1, code);
        Assert.Matches(@"^vmchannel: device port \d+ \(org\.qemu\.guest_agent\.0\): no answer from the guest agent in 1 s: is qemu-guest-agent running in the guest\?", errors);
        Assert.InRange(Stopwatch.GetElapsedTime(began).TotalSeconds, 1, Patience.Short.TotalSeconds);

        await using EventTrail trail = await EventTrail.StartAsync(machine.Serve);
        Task<(int Code, string Output, string Errors)> ping = machine.RunAsync("ping", "--timeout", "50s");
        _ = await trail.WaitForAsync("client-connected", QemuAgent.PortName);
        await machine.StartAgentAsync();
        Assert.Equal(0, (await ping).Code);
    }

    [Fact]
    public async Task Exec_WhoseAgentIsKilled_SaysSoAtOnce_AndTheNextOneWorks()
    {
        await using HostProcess exec = Start(null, "exec", "-n", "--timeout", "10m", "--", "sh", "-c", "echo > /tmp/started; exec sleep 600");
        await machine.Guest.UntilAsync("[ -e /tmp/started ]");
        await machine.KillAgentAsync();
        Assert.Equal(1, await exec.Ended.WaitAsync(Patience.Short, Cancellation));
        Assert.Contains("the guest agent closed the port before it had answered guest-exec", exec.Errors.ToString(), StringComparison.Ordinal);

        await machine.StartAgentAsync();
        Assert.Equal("again", (await machine.RunAsync("exec", "-n", "--", "echo", "again")).Output);
    }

    [Fact]
    public async Task Copy_WhoseAgentIsKilled_LeavesTheOldFile_AndTheNextOneWorks()
    {
        string target = machine.File("target");
        await File.WriteAllTextAsync(target, "old", Cancellation);
        await using HostProcess copy = Start(null, "cp", ":/dev/zero", target);
        await Patience.UntilAsync(
            () => Directory.GetFiles(Path.GetDirectoryName(target)!, "target.*.unfinished").Any(file => new FileInfo(file).Length > 1 << 20), () => copy.Errors.ToString());
        await machine.KillAgentAsync();
        Assert.Equal(1, await copy.Ended.WaitAsync(Patience.Short, Cancellation));
        Assert.Contains("the guest agent closed the port before it had answered guest-file-read", copy.Errors.ToString(), StringComparison.Ordinal);
        Assert.Equal("old", await File.ReadAllTextAsync(target, Cancellation));
        Assert.Empty(Directory.GetFiles(Path.GetDirectoryName(target)!, "*.unfinished"));

        await machine.StartAgentAsync();
        Assert.Equal(0, (await machine.RunAsync("cp", ":/etc/hostname", target)).Code);
        Assert.Equal(await File.ReadAllTextAsync("/etc/hostname", Cancellation), await File.ReadAllTextAsync(target, Cancellation));
    }

    [Fact]
    public async Task Library_TwoAtOnce_BesideAClientOfTheSocket_GetTheirOwnAnswers()
    {
        using ChannelClient other = ChannelClient.Connect(machine.Socket);
        GuestAgentOptions beside = new() { IsBeside = true, Timeout = Patience.Short };
        await using QemuAgent one = new(machine.Serve.Control, AgentMachine.Vm, beside);
        await using QemuAgent two = new(machine.Serve.Control, AgentMachine.Vm, beside);

        async Task<int> RunAsync(QemuAgent agent, string name)
        {
            for (int n = 0; n < 20; n++)
            {
                AgentExit exit = await agent.ExecAsync(new AgentCommand("echo", $"{name} {n}"), Cancellation);
                Assert.Equal($"{name} {n}\n", Encoding.UTF8.GetString(exit.Output.Span));
            }

            return 20;
        }

        int[] counts = await Task.WhenAll(RunAsync(one, "one"), RunAsync(two, "two"));
        Assert.Equal(40, counts.Sum());

        // The program at the socket has the port all the while, and its own question is answered, too.
        await other.SendAsync("{\"execute\":\"guest-info\",\"id\":\"mine\"}\n");
        using StreamReader reader = new(other.Stream);
        string? line;
        while ((line = await reader.ReadLineAsync(Cancellation).AsTask().WaitAsync(Patience.Short, Cancellation))?.Contains("\"mine\"", StringComparison.Ordinal) == false)
        {
        }

        Assert.Contains("supported_commands", line, StringComparison.Ordinal);

        // Alone, it is told who has the port.
        (int code, _, string errors) = await machine.RunAsync("ping");
        Assert.Equal(1, code);
        Assert.Contains("has the port", errors, StringComparison.Ordinal);
        Assert.Equal(0, (await machine.RunAsync("ping", "--beside")).Code);
    }

    private HostProcess Start(string? terminal, params string[] words)
        => HostProcess.Start(
            [Executables.VmChannel, "agent", .. words], start => start.Environment["XDG_RUNTIME_DIR"] = machine.Serve.Runtime, terminal);
}
