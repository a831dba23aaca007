using System.Text;
using VmChannel.Control;
using VmChannel.SystemTests.Rig;

namespace VmChannel.SystemTests.Clipboards;

/// <summary>The clipboard with an agent of any kind: X11 in the guest, xclip as its user, the control API as the host's. On every transport.</summary>
public abstract class ClipboardTests(DesktopMachine machine) : IAsyncDisposable
{
    private protected DesktopMachine Machine { get; } = machine;

    private protected DesktopGuest Desktop => Machine.Desktop;

    [Fact]
    public async Task Text_GuestToHost_ByteForByte()
    {
        long before = await Machine.ChangeAsync();
        await Desktop.CopyAsync("printf 'Grüße\\tvon\\nhier'");
        ClipboardInfo info = await Machine.GuestCopiedAsync(before);
        Assert.Equal("text", info.Types[0]);
        Assert.Equal("Grüße\tvon\nhier", Encoding.UTF8.GetString(await Machine.PasteAsync()));
    }

    [Fact]
    public async Task Text_HostToGuest_IsPastedAsOftenAsWanted()
    {
        await Machine.CopyAsync("hello from the host, ünd mehr"u8.ToArray());
        await Desktop.PasteUntilAsync("hello from the host, ünd mehr");
        await Desktop.PasteUntilAsync("hello from the host, ünd mehr");
    }

    [Fact]
    public async Task Png_BothWays()
    {
        byte[] image = await File.ReadAllBytesAsync(Path.Combine(await GuestImage.RootOfAsync(Desktop.Packages), Desktop.Image), TestContext.Current.CancellationToken);
        long before = await Machine.ChangeAsync();
        await Desktop.CopyAsync($"cat /host/{Desktop.Image}", target: "image/png");
        ClipboardInfo info = await Machine.GuestCopiedAsync(before);
        Assert.Equal(["png"], info.Types);
        Assert.Equal(image, await Machine.PasteAsync());

        Array.Reverse(image, 8, image.Length - 8);
        await Machine.CopyAsync(image, "image/png");
        string expected = await ChecksumAsync(image);
        await Desktop.RunAsync(
            "for ((n = 0; n < 600; n++)); do last=$(paste clipboard image/png 2>/dev/null | cksum); "
            + $"[ \"$last\" = '{expected}' ] && exit 0; sleep 0.05; done; echo $last; exit 1");
    }

    [Fact]
    public async Task PrimarySelection_BothWays_LeavesTheClipboardAlone()
    {
        await Machine.CopyAsync("the clipboard"u8.ToArray());
        await Desktop.PasteUntilAsync("the clipboard");
        long before = await Machine.ChangeAsync();
        await Desktop.CopyAsync("printf 'marked in the guest'", "primary");
        _ = await Machine.GuestCopiedAsync(before, ClipboardSelection.Primary);
        Assert.Equal("marked in the guest"u8.ToArray(), await Machine.PasteAsync(selection: ClipboardSelection.Primary));
        await Machine.CopyAsync("marked on the host"u8.ToArray(), selection: ClipboardSelection.Primary);
        await Desktop.PasteUntilAsync("marked on the host", "primary");
        await Desktop.PasteUntilAsync("the clipboard");
    }

    public async ValueTask DisposeAsync()
    {
        GC.SuppressFinalize(this);
        if (TestContext.Current.TestState?.Result == TestResult.Failed)
        {
            TestContext.Current.TestOutputHelper?.WriteLine($"{await Desktop.LogsAsync()}\n--- serve ---\n{Machine.Serve.Log}");
        }
    }

    /// <summary>An agent that has just been started gives the guest what the host copied meanwhile, and hears of what is copied then.</summary>
    private protected async Task ExpectToGoOnAsync(string copiedMeanwhile)
    {
        await Machine.WaitForAgentAsync();
        await Desktop.PasteUntilAsync(copiedMeanwhile);
        long before = await Machine.ChangeAsync();
        await Desktop.CopyAsync("printf 'after it'");
        _ = await Machine.GuestCopiedAsync(before);
        Assert.Equal("after it"u8.ToArray(), await Machine.PasteAsync());
    }

    internal static async Task<string> ChecksumAsync(byte[] bytes)
    {
        await using HostProcess cksum = HostProcess.Start(["cksum"]);
        await cksum.Input.WriteAsync(bytes, TestContext.Current.CancellationToken);
        cksum.Input.Close();
        Assert.Equal(0, await cksum.Ended);
        return cksum.Output.ToString().Trim();
    }
}
