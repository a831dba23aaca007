namespace VmChannel.SystemTests.Clipboards;

/// <summary>With SPICE's stock agent, which has two parts.</summary>
public abstract class StockAgentTests(DesktopMachine machine) : ClipboardTests(machine)
{
    [Theory]
    [InlineData("agent")]
    [InlineData("daemon")]
    public async Task Agent_KilledAndRestarted_GoesOn(string program)
    {
        await Machine.CopyAsync("before"u8.ToArray());
        await Desktop.PasteUntilAsync("before");
        await Desktop.KillAsync(program);
        await Machine.WaitForNoAgentAsync();
        await Machine.CopyAsync("copied meanwhile"u8.ToArray());
        if (program == "daemon")
        {
            await Desktop.StartDaemonAsync();
        }

        // The session's part waits for the system's part and comes back by itself, or has gone with it.
        await Desktop.RunAsync("pid=$(</desktop/tmp/agent.pid); [ -e /proc/$pid ] || exit 0; kill $pid; while [ -e /proc/$pid ]; do sleep 0.02; done");
        await Desktop.StartAgentAsync();
        await ExpectToGoOnAsync("copied meanwhile");
    }
}
