using System.Globalization;
using VmChannel.SystemTests.Rig;

namespace VmChannel.SystemTests.Clipboards;

/// <summary>Over virtio-serial, and what costs too much time in an emulated machine.</summary>
[Collection<UmlDesktopTests>]
public sealed class StockAgentOnUmlTests(UmlDesktop machine) : StockAgentTests(machine)
{
    [Fact]
    public Task Text_Of20MiB_BothWays() => new ClipboardLoad(Machine).PassBigTextAsync();

    [Fact]
    public Task Ownership_ChangesInFastAlternation_NobodyPastesWhatIsStale() => new ClipboardLoad(Machine).AlternateAsync(rounds: 100);

    [Fact]
    public Task Files_OfTheHost_AreSaved() => new ClipboardLoad(Machine).SendFilesAsync();

    /// <summary>A reboot with nobody's help: the server keeps what the host copied.</summary>
    [Fact]
    public async Task Vm_Rebooted_TheNewAgentHasTheHostsClipboard()
    {
        await Machine.CopyAsync("copied before the reboot"u8.ToArray());
        await machine.RebootAsync();
        await Desktop.PasteUntilAsync("copied before the reboot");
        long before = await Machine.ChangeAsync();
        await Desktop.CopyAsync("printf 'second life'");
        _ = await Machine.GuestCopiedAsync(before);
        Assert.Equal("second life"u8.ToArray(), await Machine.PasteAsync());
    }

    /// <summary>By an agent that pushes, so that its data is taken up to the limit without anybody who asks.</summary>
    [Theory]
    [InlineData("a chunk of 4 GiB", "\\x01\\0\\0\\0\\xff\\xff\\xff\\xff", "/dev/null")]
    [InlineData("a message of 4 GiB", "\\x01\\0\\0\\0\\x1c\\0\\0\\0\\x01\\0\\0\\0\\x04\\0\\0\\0\\0\\0\\0\\0\\0\\0\\0\\0\\xff\\xff\\xff\\xff", "/dev/null")]
    [InlineData(
        "a message of 1 GiB", "\\x01\\0\\0\\0\\x14\\0\\0\\x40\\x01\\0\\0\\0\\x04\\0\\0\\0\\0\\0\\0\\0\\0\\0\\0\\0\\0\\0\\0\\x40\\x01\\0\\0\\0", "/pattern")]
    public async Task Guest_ClaimsToSendGigabytes_CostsTheHostNoMemory(string claim, string bytes, string more)
    {
        const int AllowedKiB = 8 * 1024;

        // Of what was taken for itself without being used: the stacks of a few more threads are among it.
        const int AllowedDataKiB = 256 * 1024;
        _ = await LieAsync("\\x01\\0\\0\\0\\x14\\0\\0\\0\\x01\\0\\0\\0\\x03\\0\\0\\0\\0\\0\\0\\0\\0\\0\\0\\0\\0\\0\\0\\0", "/dev/null");
        int before = StatusKiB("VmRSS");
        int dataBefore = StatusKiB("VmData");
        for (int lie = 0; lie < 2; lie++)
        {
            long held = await LieAsync(bytes, more);
            Assert.True(held <= DesktopMachine.HostileLimit, $"{claim}: {held} bytes of it are held");
        }

        Assert.True(StatusKiB("VmRSS") - before < AllowedKiB, $"{claim}: {before} KiB before, {StatusKiB("VmRSS")} KiB after");
        Assert.True(StatusKiB("VmData") - dataBefore < AllowedDataKiB, $"{claim}: {dataBefore} KiB of data before, {StatusKiB("VmData")} KiB after");
    }

    /// <summary>
    /// Says what a message claims to be, and some of what it claims; that is read past, or the session ends and with it what is read. A session
    /// that has failed is tried again after a while. Returns how many bytes of contents the server kept for it meanwhile, at most.
    /// </summary>
    private async Task<long> LieAsync(string message, string more)
    {
        // AnnounceCapabilities, no request: Clipboard and ClipboardByDemand.
        const string Announcement = @"\x01\0\0\0\x1c\0\0\0\x01\0\0\0\x06\0\0\0\0\0\0\0\0\0\0\0\x08\0\0\0\0\0\0\0\x28\0\0\0";
        string port = Rig.Machine.PathOf(DesktopMachine.Hostile);
        await Patience.UntilAsync(
            () => Machine.Control.GetPortAsync("device", DesktopMachine.Hostile).GetAwaiter().GetResult().IsHostOpen, () => "the service does not come back");
        long before = ContentBytes();
        long most = before;
        Task lie = Machine.Guest.TryAsync(
            $"(printf '{Announcement}'; printf '{message}'; head -c 500000 {more}; sleep 1) | timeout 3 dd of={port} bs=4096 status=none");
        while (!lie.IsCompleted)
        {
            most = Math.Max(most, ContentBytes());
            _ = await Task.WhenAny(lie, Task.Delay(10));
        }

        await lie;
        return most - before;
    }

    /// <summary>Contents are in anonymous files that nobody maps: resident memory does not show them.</summary>
    private long ContentBytes()
    {
        long bytes = 0;
        foreach (FileInfo descriptor in new DirectoryInfo($"/proc/{Machine.Serve.Process.Id}/fd").EnumerateFiles())
        {
            try
            {
                if (descriptor.LinkTarget?.StartsWith("/memfd:clipboard", StringComparison.Ordinal) == true)
                {
                    using FileStream file = new(descriptor.FullName, FileMode.Open, FileAccess.Read);
                    bytes += file.Length;
                }
            }
            catch (IOException)
            {
                // Given back meanwhile.
            }
        }

        return bytes;
    }

    private int StatusKiB(string field)
        => int.Parse(
            File.ReadLines($"/proc/{Machine.Serve.Process.Id}/status").First(line => line.StartsWith($"{field}:", StringComparison.Ordinal))
                .Split([' ', '\t'], StringSplitOptions.RemoveEmptyEntries)[1],
            CultureInfo.InvariantCulture);
}
