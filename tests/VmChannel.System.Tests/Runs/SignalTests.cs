using VmChannel.Native;
using VmChannel.SystemTests.Rig;

namespace VmChannel.SystemTests.Runs;

/// <summary>Signals, Ctrl-C and the window's size reach the command in the guest.</summary>
public sealed class SignalTests
{
    private const string Catch = "trap 'echo caught; exit 3' INT; echo ready; while :; do sleep 0.05; done";

    [Fact]
    public async Task Interrupt_OfRun_IsTheCommandsToCatch()
    {
        await using RunProcess run = RunProcess.Start("--", "bash", "-c", Catch);
        await run.Process.Output.WaitForAsync("ready");
        run.Process.Signal(PosixSignalNumber.Interrupt);

        Assert.Equal(3, await run.EndAsync());
        Assert.Contains("caught", run.Process.Output.All);
    }

    [Fact]
    public async Task Terminate_OfRun_EndsTheCommand()
    {
        await using RunProcess run = RunProcess.Start("--", "bash", "-c", "echo ready; exec sleep 1000");
        await run.Process.Output.WaitForAsync("ready");
        run.Process.Signal(PosixSignalNumber.Terminate);

        Assert.Equal(128 + 15, await run.EndAsync());
    }

    [Fact]
    public async Task Terminal_OfRun_IsTheCommands()
    {
        using PseudoTerminal terminal = PseudoTerminal.Open();
        using TerminalText text = new(terminal);
        text.Resize(new(Columns: 91, Rows: 37));
        string script =
            "tty; until [ \"$(stty size)\" = '37 91' ]; do sleep 0.05; done; echo first size; "
            + "until [ \"$(stty size)\" = '43 132' ]; do sleep 0.05; done; echo second size; read -r line; echo \"heard $line\"; " + Catch;
        await using RunProcess run = RunProcess.StartOnTerminal(terminal.SlavePath, "--", "bash", "-c", script);
        await text.WaitForAsync("first size");
        text.Resize(new(Columns: 132, Rows: 43));
        await text.WaitForAsync("second size");
        text.Type("typed words\r");
        await text.WaitForAsync("heard typed words");
        await text.WaitForAsync("ready");
        text.Type("\u0003");

        Assert.Equal(3, await run.EndAsync());
        await text.WaitForAsync("caught");
        Assert.Contains("/dev/hvc0", text.Printed, StringComparison.Ordinal);
    }
}
