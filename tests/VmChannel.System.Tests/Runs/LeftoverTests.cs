using System.Globalization;
using VmChannel.SystemTests.Rig;

namespace VmChannel.SystemTests.Runs;

/// <summary>Whatever is killed, no process and no file stays.</summary>
public sealed class LeftoverTests
{
    [Fact]
    public async Task Run_KilledItself_LeavesNothing()
    {
        await using RunProcess run = await StartAsync("uml");
        run.Process.Signal(PosixSignalNumber.Kill);

        _ = await run.EndAsync();
        await run.ExpectNothingLeftAsync();
    }

    [Theory]
    [InlineData("uml", "linux.uml")]
    [InlineData("qemu", "ld-linux-x86-64.so.2")]
    public async Task Run_WhenItsMonitorIsKilled_FailsAndLeavesNothing(string monitor, string program)
    {
        await using RunProcess run = await StartAsync(monitor);

        // The one that none of them has started: UML's guest processes have its name as well. Numbers say nothing, they begin again.
        int[] ids = [.. run.Processes().Where(process => process.CommandLine.Split(' ')[0].EndsWith(program, StringComparison.Ordinal)).Select(process => process.Id)];
        int id = Assert.Single(ids, each => HostProcess.ParentOf(each) is int parent && !ids.Contains(parent));
        await using (HostProcess kill = await HostProcess.RunAsync("kill", "-KILL", id.ToString(CultureInfo.InvariantCulture)))
        {
            Assert.Equal(0, await kill.Ended);
        }

        Assert.Equal(1, await run.EndAsync());
        Assert.True(run.Process.Errors.Contains("vmchannel: run: "), run.Process.Errors.ToString());
        await run.ExpectNothingLeftAsync();
    }

    private static async Task<RunProcess> StartAsync(string monitor)
    {
        RunProcess run = RunProcess.Start("--vmm", monitor, "--", "sh", "-c", "echo ready; exec sleep 1000");
        await run.Process.Output.WaitForAsync("ready");
        Assert.NotEmpty(run.Processes());
        return run;
    }
}
