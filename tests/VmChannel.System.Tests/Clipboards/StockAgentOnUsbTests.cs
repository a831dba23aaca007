using VmChannel.Control;
using VmChannel.SystemTests.Rig;

namespace VmChannel.SystemTests.Clipboards;

/// <summary>Over USB.</summary>
[Collection<UsbDesktopTests>]
public sealed class StockAgentOnUsbTests(UsbDesktop machine) : StockAgentTests(machine)
{
    /// <summary>Our own agent takes the stock one's place for a while: text both ways, what was marked, and a file.</summary>
    [Fact]
    public async Task OwnAgent_InItsPlace_SharesAndSavesFiles()
    {
        const int FileBytes = 1024 * 1024;
        await Desktop.KillAsync("agent");
        await Desktop.KillAsync("daemon");
        await Machine.WaitForNoAgentAsync();
        await Machine.CopyAsync("copied meanwhile"u8.ToArray());
        await Desktop.StartShareAsync();
        try
        {
            await ExpectToGoOnAsync("copied meanwhile");
            long before = await Machine.ChangeAsync();
            await Desktop.CopyAsync("printf 'marked in the guest'", "primary");
            _ = await Machine.GuestCopiedAsync(before, ClipboardSelection.Primary);
            Assert.Equal("marked in the guest"u8.ToArray(), await Machine.PasteAsync(selection: ClipboardSelection.Primary));

            using TestFolder folder = new();
            byte[] bytes = new byte[FileBytes];
            System.Security.Cryptography.RandomNumberGenerator.Fill(bytes);
            await File.WriteAllBytesAsync(folder.File("sent"), bytes, TestContext.Current.CancellationToken);
            (int code, string output) = await new ClipboardLoad(Machine).SendAsync(folder.File("sent"));
            Assert.True(code == 0, output);
            Assert.Equal(await ChecksumAsync(bytes), await Desktop.RunAsync($"cksum < {DesktopGuest.Files}/sent"));
        }
        finally
        {
            await Desktop.KillAsync("share");
            await Machine.WaitForNoAgentAsync();
            await Desktop.StartDaemonAsync();
            await Desktop.StartAgentAsync();
            await Machine.WaitForAgentAsync();
        }
    }
}
