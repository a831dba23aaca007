using System.Diagnostics;
using System.Text;
using System.Text.Json;
using VmChannel.Native;
using VmChannel.SystemTests.Rig;
using Machine = VmChannel.SystemTests.Rig.Machine;

namespace VmChannel.SystemTests.Guests;

/// <summary>The commands that go into a channel, or look at one, with a guest at its other end.</summary>
[Collection<UmlTests>]
public sealed class ClientVerbTests(UmlMachine machine) : GuestTests(machine)
{
    private const string Vm = "device";

    // A port whose host end is not there yet is at its end for who reads it.
    private static readonly string Listen =
        $"exec 5<>{Machine.PathOf(Machine.Spare)}; until read -r line <&5 && [ -n \"$line\" ]; do sleep 0.05; done; echo \"heard $line\" >&5";

    [Fact]
    public async Task Attach_OnATerminal_TalksToTheGuestAndPutsTheTerminalBack()
    {
        using PseudoTerminal terminal = PseudoTerminal.Open();
        using TerminalText text = new(terminal);
        string before = await ModeAsync(terminal, "sane");
        Task<string> guest = Guest.RunAsync(Listen);
        await using HostProcess attach = Start(terminal, "attach", Vm, Machine.Spare);
        await UntilRawAsync(terminal, before);
        text.Type("a \u0003 key\n");
        await text.WaitForAsync("heard a \u0003 key");
        await guest;
        text.Type("\u001d");

        Assert.Equal(0, await attach.Ended.WaitAsync(Patience.Short, TestContext.Current.CancellationToken));
        Assert.Equal(before, await ModeAsync(terminal));
    }

    [Fact]
    public async Task Attach_EndedByASignal_PutsTheTerminalBack()
    {
        using PseudoTerminal terminal = PseudoTerminal.Open();
        string before = await ModeAsync(terminal, "sane");
        await using HostProcess attach = Start(terminal, "attach", Vm, Machine.Held);
        await UntilRawAsync(terminal, before);
        attach.Signal(PosixSignalNumber.Terminate);

        Assert.Equal(128 + 15, await attach.Ended.WaitAsync(Patience.Short, TestContext.Current.CancellationToken));
        Assert.Equal(before, await ModeAsync(terminal));
    }

    [Fact]
    public async Task Attach_InAPipe_AsksAndPrintsTheAnswer()
    {
        Task<string> guest = Guest.RunAsync(Listen);
        await using HostProcess attach = Start(null, "attach", Vm, Machine.Spare, "--until-guest-close", "--linger", "60s");
        await attach.Input.WriteAsync(Encoding.ASCII.GetBytes("a question\n"), TestContext.Current.CancellationToken);
        attach.Input.Close();

        Assert.Equal(0, await attach.Ended.WaitAsync(Patience.Short, TestContext.Current.CancellationToken));
        Assert.Equal("heard a question", attach.Output.ToString().Trim());
        await guest;
    }

    [Fact]
    public async Task Attach_ToAPortThatIsTakenOut_FailsWithTheReason()
    {
        Assert.Equal(0, (await Machine.Serve.CommandAsync("plug", Vm, "port=9,protocol=org.example.brief,char=null")).Code);
        await using HostProcess attach = Start(null, "attach", Vm, "9");
        _ = await Machine.Serve.Log.WaitForAsync("port 9 (org.example.brief): client 1 connected");
        Assert.Equal(0, (await Machine.Serve.CommandAsync("unplug", Vm, "9")).Code);

        Assert.Equal(1, await attach.Ended.WaitAsync(Patience.Short, TestContext.Current.CancellationToken));
        Assert.Contains("port 9 (org.example.brief): it was unplugged", attach.Errors.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Capture_OfAConversation_IsShownAndReplayed()
    {
        using TestFolder folder = new();
        string file = folder.File("talk.cap");
        await using HostProcess capture = Start(null, "capture", Vm, Machine.Echo, "-o", file);
        await Patience.UntilAsync(() => File.Exists(file) && new FileInfo(file).Length > 0, () => capture.Errors.ToString());
        Assert.Equal("hello", (await Guest.RunAsync($"exec 5<>{Machine.PathOf(Machine.Echo)}; printf hello >&5; head -c 5 <&5; echo")).Trim());
        await Patience.UntilAsync(() => System.Text.RegularExpressions.Regex.Count(Recorded(), "hello") == 2, () => $"never recorded: {Recorded()}");
        capture.Signal(PosixSignalNumber.Interrupt);
        Assert.Equal(0, await capture.Ended.WaitAsync(Patience.Short, TestContext.Current.CancellationToken));
        Assert.Contains("5 B from the guest, 5 B to it", capture.Errors.ToString(), StringComparison.Ordinal);

        (int code, string text, _) = await Machine.Serve.CommandAsync("capture", "show", file);
        Assert.Equal(0, code);
        Assert.Matches(@"(?s)port 4 \(org\.qemu\.clipboard\), begun .* from guest  5 bytes\n.*\|hello\|\n.* to guest    5 bytes\n.*\|hello\|", text);

        Task<string> guest = Guest.RunAsync(
            $"exec 5<{Machine.PathOf(Machine.Spare)}; until heard=$(head -c 5 <&5) && [ -n \"$heard\" ]; do sleep 0.05; done; echo \"$heard\"");
        Assert.Equal(0, (await Machine.Serve.CommandAsync("replay", Vm, Machine.Spare, file)).Code);
        Assert.Equal("hello", (await guest).Trim());

        string Recorded()
        {
            using StreamReader reader = new(new FileStream(file, FileMode.Open, FileAccess.Read, FileShare.ReadWrite));
            return reader.ReadToEnd();
        }
    }

    [Fact]
    public async Task Top_OnATerminal_UsesTheOtherScreenAndQuits()
    {
        using PseudoTerminal terminal = PseudoTerminal.Open();
        using TerminalText text = new(terminal);
        string before = await ModeAsync(terminal, "sane");
        await using HostProcess top = Start(terminal, "top", Vm);
        await text.WaitForAsync(Machine.Spare);
        text.Type("s");
        await text.WaitForAsync("by total");
        text.Type("q");

        Assert.Equal(0, await top.Ended.WaitAsync(Patience.Short, TestContext.Current.CancellationToken));
        await text.WaitForAsync("\e[?1049l");
        Assert.StartsWith("\e[?1049h", text.Printed, StringComparison.Ordinal);
        Assert.Equal(before, await ModeAsync(terminal));
    }

    [Fact]
    public async Task Top_ForPrograms_IsAnObjectForEachInterval()
    {
        (int code, string output, _) = await Machine.Serve.CommandAsync("top", "--json", "-n", "2", "--interval", "100ms");

        Assert.Equal(0, code);
        string[] lines = output.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.Equal(2, lines.Length);
        Assert.All(lines, line =>
        {
            using JsonDocument report = JsonDocument.Parse(line);
            Assert.True(report.RootElement.GetProperty("ports").GetArrayLength() >= 4);
        });
    }

    [Fact]
    public async Task Doctor_OfAGuestThatRuns_ShowsWhatWasNegotiated()
    {
        (_, string text, _) = await Machine.Serve.CommandAsync("doctor", Vm);

        Assert.Contains("device: running", text, StringComparison.Ordinal);
        Assert.Contains("MULTIPORT    yes", text, StringComparison.Ordinal);
        Assert.Contains("talks like uml", text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Doctor_WithoutAServer_SaysSo()
    {
        using TestFolder folder = new();
        await using HostProcess doctor = HostProcess.Start(
            [Executables.VmChannel, "doctor", "--json"], start => start.Environment["XDG_RUNTIME_DIR"] = folder.Root);

        Assert.Equal(1, await doctor.Ended.WaitAsync(Patience.Short, TestContext.Current.CancellationToken));
        using JsonDocument report = JsonDocument.Parse(doctor.Output.ToString());
        Assert.NotEqual(0, report.RootElement.GetProperty("machine").GetArrayLength());
    }

    private HostProcess Start(PseudoTerminal? terminal, params string[] words)
        => HostProcess.Start(
            [Executables.VmChannel, .. words], start => start.Environment["XDG_RUNTIME_DIR"] = Machine.Serve.Runtime, terminal?.SlavePath);

    private static async Task UntilRawAsync(PseudoTerminal terminal, string before)
    {
        using CancellationTokenSource limit = new(Patience.Short);
        while (await ModeAsync(terminal) == before)
        {
            await Task.Delay(20, limit.Token);
        }
    }

    /// <summary>The terminal's settings, after a change. Not in a session of its own, whose end would hang the terminal up.</summary>
    private static async Task<string> ModeAsync(PseudoTerminal terminal, params string[] change)
    {
        if (change.Length > 0)
        {
            _ = await RunAsync(["-F", terminal.SlavePath, .. change]);
        }

        return await RunAsync(["-F", terminal.SlavePath, "-g"]);

        static async Task<string> RunAsync(string[] words)
        {
            using Process stty = Process.Start(new ProcessStartInfo("stty", words) { RedirectStandardOutput = true })!;
            string output = await stty.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken);
            await stty.WaitForExitAsync(TestContext.Current.CancellationToken);
            Assert.Equal(0, stty.ExitCode);
            return output;
        }
    }
}
