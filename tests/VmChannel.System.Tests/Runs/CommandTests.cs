using VmChannel.SystemTests.Rig;

namespace VmChannel.SystemTests.Runs;

/// <summary>A command in a throw-away guest behaves as one started here.</summary>
public sealed class CommandTests
{
    [Theory]
    [InlineData(0, "true")]
    [InlineData(42, "sh", "-c", "exit 42")]
    [InlineData(137, "sh", "-c", "kill -KILL $$")]
    [InlineData(127, "no-such-command")]
    public async Task Run_OfACommand_EndsWithItsExitCode(int code, params string[] command)
    {
        await using RunProcess run = RunProcess.Start(["--", .. command]);
        run.Process.Input.Close();

        Assert.Equal(code, await run.EndAsync());
    }

    [Fact]
    public async Task Run_WithPipes_PassesBytesAsTheyAre()
    {
        Pattern pattern = new("piped", 4);
        await using RunProcess run = RunProcess.StartForBytes("--", "sh", "-c", "cat; echo to the other stream >&2");
        Task sender = SendAsync(run, pattern);

        Assert.Equal(pattern.Length, await pattern.CheckAsync(run.Process.OutputStream));
        Assert.Equal(0, await run.Process.OutputStream.ReadAsync(new byte[1], TestContext.Current.CancellationToken));
        Assert.Equal(0, await run.EndAsync());
        await sender;
        Assert.Contains("to the other stream", run.Process.Errors.All);
        Assert.DoesNotContain("to the other stream", run.Process.Output.All);
    }

    [Fact]
    public async Task Run_WithASharedFolder_WritesThereAndNowhereElse()
    {
        using TestFolder shared = new();
        using TestFolder other = new();
        string script = $"echo from the guest > {shared.Root}/file && ! echo intruder 2>/dev/null > {Executables.Repository}/intruder; echo lost > /tmp/lost";
        await using RunProcess run = RunProcess.Start("--share", shared.Root, "--", "sh", "-c", script);
        run.Process.Input.Close();

        Assert.Equal(0, await run.EndAsync());
        Assert.Equal("from the guest\n", await File.ReadAllTextAsync(shared.File("file"), TestContext.Current.CancellationToken));
        Assert.False(File.Exists("/tmp/lost"));
    }

    [Fact]
    public async Task Runs_TwoAtOnce_DoNotDisturbEachOther()
    {
        RunProcess[] runs = [.. Enumerable.Range(0, 2).Select(number =>
            RunProcess.Start("-virtioserial", "port=4,protocol=test.echo,service=echo", "--", "bash", "-c", GuestScripts.Exchange("/dev/vmch4", $"run {number}")))];
        for (int number = 0; number < runs.Length; number++)
        {
            runs[number].Process.Input.Close();
            Assert.Equal(0, await runs[number].EndAsync());
            Assert.Equal($"run {number}", runs[number].Process.Output.ToString());
            await runs[number].DisposeAsync();
        }
    }

    [Fact]
    public async Task Run_OnQemu_HasLinksBytesAndExitCode()
    {
        string script = $"readlink -f /dev/vmchannel/test/echo; {GuestScripts.Exchange("/dev/vmchannel/test/echo", "from QEMU")}; exit 9";
        await using RunProcess run = RunProcess.Start("--vmm", "qemu", "-virtioserial", "port=4,protocol=test.echo,service=echo", "--", "bash", "-c", script);
        run.Process.Input.Close();

        Assert.Equal(9, await run.EndAsync());
        Assert.Equal(["/dev/vport0p4", "from QEMU"], run.Process.Output.All);
    }

    [Fact]
    public async Task Run_OfTheDemonstration_ShowsBothChannelsWorking()
    {
        // The README's first command.
        await using RunProcess run = RunProcess.Start("--demo");
        run.Process.Input.Close();

        Assert.Equal(0, await run.EndAsync());
        Assert.Equal(
        [
            "guest: /dev/vmchannel/org/qemu/clipboard -> /dev/vmch4 -> /dev/vport0p4",
            "guest: /dev/vmchannel/org/libguestfs/fish -> /dev/vmch2 -> /dev/vport0p2",
            "guest: fish says: hello from the host",
            "guest: the clipboard has: text copied on the host",
        ],
        run.Process.Output.All);
        Assert.True(run.Process.Errors.Contains("hears: hello from the guest"), run.Process.Errors.ToString());
        Assert.True(run.Process.Errors.Contains("the clipboard has: text copied in the guest"), run.Process.Errors.ToString());
    }

    private static async Task SendAsync(RunProcess run, Pattern pattern)
    {
        await pattern.WriteAsync(run.Process.Input);
        run.Process.Input.Close();
    }
}
