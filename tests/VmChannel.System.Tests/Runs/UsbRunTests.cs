using VmChannel.Control;
using VmChannel.Native;
using VmChannel.SystemTests.Rig;

namespace VmChannel.SystemTests.Runs;

/// <summary>What a throw-away guest does, in one that has USB only.</summary>
public sealed class UsbRunTests
{
    private const string Name = "test.echo";
    private const string Vm = "device";

    [Fact]
    public async Task Run_OverUsb_PassesBytesStreamsFilesAndTheExitCode()
    {
        using TestFolder shared = new();
        Pattern pattern = new("piped", 1);
        string script = $"""
            readlink -f {Rig.Machine.PathOf(Name)} >&2
            {GuestScripts.Exchange(Rig.Machine.PathOf(Name), "by USB")} >&2
            ls /dev/vport* >{shared.Root}/ports 2>/dev/null
            cat
            exit 9
            """;
        await using RunProcess run = RunProcess.StartForBytes(
            "--transport", "usb", "--share", shared.Root, "-usbserial", $"protocol={Name},service=echo", "--", "bash", "-c", script);
        await ExpectBackAsync(run, pattern);
        Assert.Matches("^/dev/ttyUSB[0-9]\nby USB$", run.Process.Errors.ToString());
        Assert.Equal("", await File.ReadAllTextAsync(shared.File("ports"), TestContext.Current.CancellationToken));
    }

    [Fact]
    public async Task Run_OfTheDemonstrationOverUsb_ShowsBothChannelsWorking()
    {
        await using RunProcess run = RunProcess.Start("--transport", "usb", "--demo");
        run.Process.Input.Close();

        Assert.Equal(0, await run.EndAsync());
        Assert.Collection(
            run.Process.Output.All,
            line => Assert.Matches("^guest: /dev/vmchannel/org/qemu/clipboard -> /dev/ttyUSB[0-9]$", line),
            line => Assert.Matches("^guest: /dev/vmchannel/org/libguestfs/fish -> /dev/ttyUSB[0-9]$", line),
            line => Assert.Equal("guest: fish says: hello from the host", line),
            line => Assert.Equal("guest: the clipboard has: text copied on the host", line));
    }

    [Fact]
    public async Task Terminal_OfRunOverUsb_IsTheCommands()
    {
        using PseudoTerminal terminal = PseudoTerminal.Open();
        using TerminalText text = new(terminal);
        text.Resize(new(Columns: 91, Rows: 37));
        const string Script =
            "tty; until [ \"$(stty size)\" = '37 91' ]; do sleep 0.05; done; echo first size; "
            + "until [ \"$(stty size)\" = '43 132' ]; do sleep 0.05; done; echo second size; read -r line; echo \"heard $line\"; "
            + "trap 'echo caught; echo the last words; exit 3' INT; echo ready; while :; do sleep 0.05; done";
        await using RunProcess run = RunProcess.StartOnTerminal(terminal.SlavePath, "--transport", "usb", "--", "bash", "-c", Script);
        await text.WaitForAsync("first size");
        text.Resize(new(Columns: 132, Rows: 43));
        await text.WaitForAsync("second size");
        text.Type("typed words\r");
        await text.WaitForAsync("heard typed words");
        await text.WaitForAsync("ready");
        text.Type("\u0003");

        Assert.Equal(3, await run.EndAsync());
        await text.WaitForAsync("caught");
        await text.WaitForAsync("the last words");
        Assert.Contains("/dev/pts/", text.Printed, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Run_OfAServedVm_HasItsAdaptersOrItsDeviceAndLeavesThemAsTheyWere()
    {
        const string OfDevice = "test.device";
        using TestFolder folder = new();
        await using ServeProcess serve = await ServeProcess.StartAsync(
            folder, "--usbredir-dir", folder.Root,
            "-virtioserial", $"port=1,protocol={OfDevice},service=echo", "-usbserial", $"port=2,protocol={Name},service=echo");
        Pattern pattern = new("piped", 1);
        string script = $"""
            readlink -f {Rig.Machine.PathOf(Name)} >&2
            {GuestScripts.Exchange(Rig.Machine.PathOf(Name), "by USB")} >&2
            [ -e {Rig.Machine.PathOf(OfDevice)} ] || echo no device >&2
            cat
            exit 9
            """;
        await using (RunProcess run = RunProcess.StartForBytes(
            "--transport", "usb", "--vm", Vm, "--control", serve.ControlSocket, "--", "bash", "-c", script))
        {
            await ExpectBackAsync(run, pattern);
            Assert.Matches("^/dev/ttyUSB[0-9]\nby USB\nno device$", run.Process.Errors.ToString());
        }

        await using (RunProcess run = RunProcess.Start("--vm", Vm, "--control", serve.ControlSocket, "--", "readlink", "-f", Rig.Machine.PathOf(OfDevice), Rig.Machine.PathOf(Name)))
        {
            run.Process.Input.Close();
            Assert.Equal(0, await run.EndAsync());
            Assert.Equal(["/dev/vport0p1", Rig.Machine.PathOf(Name)], run.Process.Output.All);
            Assert.Empty(run.Process.Errors.All);
        }

        Assert.Equal([1, 2], (await serve.Control.GetPortsAsync(Vm, TestContext.Current.CancellationToken)).Select(port => port.Number));
        Assert.Equal(["device.sock", $"{Name}.sock"], Directory.GetFiles(folder.Root).Select(path => Path.GetFileName(path)).Order());
    }

    [Theory]
    [InlineData("--usbredir-dir", "", "add --transport usb")]
    [InlineData("--usbredir", "vm.usb", "--usbredir-dir DIR", "--transport", "usb")]
    public async Task Run_OfAServedVm_SaysWhatItsAdaptersNeed(string option, string place, string expected, params string[] words)
    {
        using TestFolder folder = new();
        await using ServeProcess serve = await ServeProcess.StartUsbAtAsync(
            folder, option, folder.File(place), "-usbserial", $"protocol={Name},service=echo");
        await using RunProcess run = RunProcess.Start(["--vm", Vm, "--control", serve.ControlSocket, .. words, "--", "true"]);

        Assert.Equal(1, await run.EndAsync());
        Assert.Contains(expected, Assert.Single(run.Process.Errors.All), StringComparison.Ordinal);
        PortInfo port = Assert.Single(await serve.Control.GetPortsAsync(Vm, TestContext.Current.CancellationToken));
        Assert.Equal(Name, port.Protocol);
    }

    /// <summary>What goes in comes back, and nothing else; the command ends with its own code.</summary>
    private static async Task ExpectBackAsync(RunProcess run, Pattern pattern)
    {
        Task sender = SendAsync(run, pattern);

        Assert.Equal(pattern.Length, await pattern.CheckAsync(run.Process.OutputStream));
        Assert.Equal(0, await run.Process.OutputStream.ReadAsync(new byte[1], TestContext.Current.CancellationToken));
        Assert.Equal(9, await run.EndAsync());
        await sender;
    }

    private static async Task SendAsync(RunProcess run, Pattern pattern)
    {
        await pattern.WriteAsync(run.Process.Input);
        run.Process.Input.Close();
    }
}
