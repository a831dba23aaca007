using System.Text;
using VmChannel.Device.Channels;
using VmChannel.Device.Pipes;
using VmChannel.Device.Services;
using VmChannel.Native;
using Xunit;

namespace VmChannel.Device.Tests.Services;

public sealed class LogServiceTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("vmchannel").FullName;

    private string FilePath => Path.Combine(_folder, "guest.log");

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public async Task Log_ManyLinesInTwoSessions_AreAllThereInOrder()
    {
        await File.WriteAllTextAsync(FilePath, "before\n", TestContext.Current.CancellationToken);
        await using (HostEndDriver guest = new())
        {
            HostEnd end = Make(guest, FilePath);
            await guest.StartAsync(end);
            for (int session = 0; session < 2; session++)
            {
                await guest.SetGuestOpenAsync(true);
                StringBuilder text = new();
                for (int line = 0; line < 20_000; line++)
                {
                    text.Append(session).Append(':').Append(line).Append('\n');
                }

                await guest.WriteAsync(Encoding.ASCII.GetBytes(text.ToString()));
                await guest.SetGuestOpenAsync(false);
            }

            await guest.OnLoopAsync(end.Dispose);
            await HostEndDriver.InTimeAsync(((ServiceEnd)end).Completion);
        }

        string[] lines = await File.ReadAllLinesAsync(FilePath, TestContext.Current.CancellationToken);
        Assert.Equal(40_001, lines.Length);
        Assert.Equal("before", lines[0]);
        for (int i = 0; i < 40_000; i++)
        {
            Assert.Equal($"{i / 20_000}:{i % 20_000}", lines[i + 1][25..]);
        }
    }

    [Fact]
    public async Task Log_FullDisk_HoldsTheGuestAndSaysSoOnce()
    {
        await using HostEndDriver guest = new();
        await guest.StartAsync(Make(guest, "/dev/full"));
        await guest.SetGuestOpenAsync(true);
        Assert.Equal(6, await guest.OfferAsync("hello\n"u8.ToArray()));
        await HostEndDriver.UntilAsync(() => guest.Log.Count(61) == 1, "the trouble is told");
        long taken = await guest.OfferAsync(new byte[200_000]);
        Assert.InRange(taken, 1, LoopPipe.CapacityBytes);
        Assert.Equal(0, await guest.OfferAsync(new byte[1]));
        Assert.True(guest.End.IsOpen);
        await Task.Delay(TimeSpan.FromSeconds(1.5), TestContext.Current.CancellationToken);
        Assert.Equal(1, guest.Log.Count(61));
    }

    [Fact]
    public async Task Log_TroubleEnds_WritesEveryLine()
    {
        // A named pipe that nobody reads is an error; with a reader it is a file again.
        _ = NamedPipe.Create(FilePath, 0x180).OrThrow("mkfifo");
        FileDescriptor.Open(FilePath, OpenFlags.ReadOnly | OpenFlags.NonBlocking, 0, out FileDescriptor? first).OrThrow("open");
        await using HostEndDriver guest = new();
        await guest.StartAsync(Make(guest, FilePath));
        first!.Dispose();
        await guest.SetGuestOpenAsync(true);
        await guest.WriteAsync("held\n"u8.ToArray());
        await HostEndDriver.UntilAsync(() => guest.Log.Count(61) == 1, "the trouble is told");
        FileDescriptor.Open(FilePath, OpenFlags.ReadOnly | OpenFlags.NonBlocking, 0, out FileDescriptor? second).OrThrow("open");
        using FileDescriptor reader = second!;
        await HostEndDriver.UntilAsync(() => guest.Log.Count(62) == 1, "the recovery is told");
        byte[] buffer = new byte[100];
        int count = reader.Read(buffer).OrThrow("read");
        Assert.EndsWith("Z held\n", Encoding.ASCII.GetString(buffer, 0, count), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Start_FolderMissing_SaysWhy()
    {
        await using HostEndDriver guest = new();
        HostEndException error = await Assert.ThrowsAsync<HostEndException>(() => guest.StartAsync(Make(guest, "/nowhere/guest.log")));
        Assert.Contains("/nowhere/guest.log", error.Message, StringComparison.Ordinal);
    }

    private static HostEnd Make(HostEndDriver guest, string path)
        => ServiceCatalog.Create("log", new Dictionary<string, string> { ["path"] = path }, guest.Loop, guest.Log);
}
