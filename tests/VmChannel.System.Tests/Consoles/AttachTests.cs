using VmChannel.Native;
using VmChannel.SystemTests.Rig;

namespace VmChannel.SystemTests.Consoles;

/// <summary><c>vmchannel attach</c> from a terminal, to a shell in the guest.</summary>
public sealed class AttachTests
{
    [Fact]
    public async Task Attach_FromATerminalToAShellOnTheConsole_IsThatShellUntilTheEscapeKey()
    {
        using TestFolder folder = new();
        await using ServeProcess serve = await ServeProcess.StartAsync(folder, "-virtconsole", $"char=unix:{folder.File("console.sock")},server,history=64K");
        await using UmlGuest guest = await UmlGuest.BootAsync(serve);
        await guest.UntilAsync("[ -e /dev/hvc0 ]");
        _ = guest.TryAsync("PS1='ready> ' exec bash --norc --noprofile -i </dev/hvc0 >/dev/hvc0 2>&1", Patience.Long)
            .ContinueWith(task => task.Exception, TaskScheduler.Default);

        // Twice: who comes later finds the shell, and its last words, where they were.
        for (int turn = 1; turn <= 2; turn++)
        {
            using PseudoTerminal terminal = PseudoTerminal.Open();
            using TerminalText text = new(terminal);
            await using HostProcess attach = HostProcess.Start(
                [Executables.VmChannel, "attach", "0"], start => start.Environment["XDG_RUNTIME_DIR"] = serve.Runtime, terminal.SlavePath);
            await text.WaitForAsync("ready> ");
            text.Type($"echo $((6 * 7)){turn}\r");
            await text.WaitForAsync($"42{turn}");
            text.Type("\x1d");
            Assert.Equal(0, await attach.Ended.WaitAsync(Patience.Short, TestContext.Current.CancellationToken));
        }
    }
}
