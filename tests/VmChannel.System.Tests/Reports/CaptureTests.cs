using VmChannel.SystemTests.Rig;

namespace VmChannel.SystemTests.Reports;

/// <summary>What went through a port is recorded, shown, and sent again.</summary>
[Collection<UmlTests>]
public sealed class CaptureTests(UmlMachine machine) : GuestTests(machine)
{
    [Fact]
    public async Task Capture_OfAnExchange_ShowsBothWaysAndIsReplayedToTheGuest()
    {
        const string Name = "test.captured";
        string file = Machine.File("exchange.cap");
        string path = await PlugAsync(Name, $"char=unix:{Machine.File("captured.sock")},server");
        await using HostProcess capture = HostProcess.Start(
            [Executables.VmChannel, "capture", Name, "-o", file], start => start.Environment["XDG_RUNTIME_DIR"] = Machine.Serve.Runtime);
        await Patience.UntilAsync(() => new FileInfo(file) is { Exists: true, Length: > 0 }, capture.Errors.ToString);
        using (ChannelClient client = Machine.ConnectFile("captured.sock"))
        {
            await Guest.ExchangeAsync(path, client);
        }

        await Patience.UntilAsync(() => Text().Contains("from the host", StringComparison.Ordinal), () => $"never recorded: {Text()}");
        capture.Signal(PosixSignalNumber.Interrupt);
        Assert.Equal(0, await capture.Ended.WaitAsync(Patience.Short, TestContext.Current.CancellationToken));
        (int code, string shown, string errors) = await Machine.Serve.CommandAsync("capture", "show", file);
        Assert.True(code == 0, errors);
        Assert.Contains("from the guest", shown, StringComparison.Ordinal);
        Assert.Contains("from the host", shown, StringComparison.Ordinal);

        Task<string> again = Guest.RunAsync($"exec 5<>{path}; until read -r line <&5; do sleep 0.02; done; echo $line");
        (code, _, errors) = await Machine.Serve.CommandAsync("replay", Name, file, "--speed", "0");
        Assert.True(code == 0, errors);
        Assert.Equal("from the host", await again);
        await UnplugAsync(Name);

        string Text()
        {
            using StreamReader reader = new(new FileStream(file, FileMode.Open, FileAccess.Read, FileShare.ReadWrite));
            return reader.ReadToEnd();
        }
    }
}
