using CsCheck;
using VmChannel.Device.Channels;
using VmChannel.Device.Ports;
using VmChannel.Device.Tests.Chardevs;
using VmChannel.Device.Tests.VirtioSerial;
using VmChannel.Native;
using VmChannel.Testing;
using Xunit;

namespace VmChannel.Device.Tests.Ports;

public sealed class OutputLogTests : IDisposable
{
    private const int Limit = 64 * 1024;

    private readonly TemporaryFolder _folder = new();
    private readonly PinnedBuffer _memory = new(256 * 1024);
    private readonly PortCounters _counters = new();
    private readonly LogLines _log = new();

    private string File1 => _folder["log"];

    public void Dispose() => _folder.Dispose();

    /// <summary>Whatever pieces come, the files together are the newest bytes, each but the youngest exactly as long as it may be.</summary>
    [Fact]
    public void Write_AnyPieces_FilesTogetherAreTheNewestBytes()
        => Gen.Select(Gen.Int[1, 100_000].Array[1, 12], Gen.Int[0, 4]).Sample(
            (sizes, keep) =>
            {
                using TemporaryFolder folder = new();
                List<byte> all = [];
                using (OutputLog output = Started(new LogFileSpec(folder["l"], RotateBytes: Limit, Keep: keep)))
                {
                    foreach (int size in sizes)
                    {
                        byte[] bytes = Guest.Bytes(size, size);
                        all.AddRange(bytes);
                        Write(output, bytes);
                    }
                }

                string[] files = [.. Enumerable.Range(0, 20).Select(i => i == 0 ? folder["l"] : folder[$"l.{i}"]).TakeWhile(File.Exists)];
                Assert.Equal(Math.Min(keep, (all.Count - 1) / Limit) + 1, files.Length);
                Assert.All(files.Skip(1), file => Assert.Equal(Limit, new FileInfo(file).Length));
                byte[] kept = [.. files.Reverse().SelectMany(File.ReadAllBytes)];
                Assert.Equal(all.TakeLast(kept.Length), kept);
                Assert.Equal(((all.Count - 1) % Limit) + 1, new FileInfo(files[0]).Length);
            },
            iter: 60,
            threads: 1);

    [Theory]
    [InlineData(false, "new")]
    [InlineData(true, "oldnew")]
    public void Start_FileThere_IsKeptOnlyWhenAppended(bool append, string expected)
    {
        File.WriteAllText(File1, "old");
        using (OutputLog output = Started(new LogFileSpec(File1, append)))
        {
            Write(output, "new"u8);
        }

        Assert.Equal(expected, File.ReadAllText(File1));
    }

    [Fact]
    public void Write_OnlyTheFirstBytesTaken_LogsOnlyThose()
    {
        using OutputLog output = Started(new LogFileSpec(File1));
        "abcdef"u8.CopyTo(_memory.Span);
        output.Write([_memory.Vector(0, 2), _memory.Vector(2, 0), _memory.Vector(2, 4)], 3);
        Assert.Equal("abc", File.ReadAllText(File1));
    }

    [Fact]
    public void Start_PathThatCannotBe_SaysWhatToDo()
    {
        Assert.Contains("create its folder", Refused(_folder["none/log"]), StringComparison.Ordinal);
        Assert.Contains("is a folder", Refused(Path.GetDirectoryName(File1)!), StringComparison.Ordinal);
        Assert.Contains("not a regular file", Refused("/dev/null"), StringComparison.Ordinal);
        Assert.Equal(0, NamedPipe.Create(_folder["fifo"], 0x180).Value);
        Assert.Contains("not a regular file", Refused(_folder["fifo"]), StringComparison.Ordinal);

        string Refused(string path)
        {
            HostEndException refused = Assert.Throws<HostEndException>(() => Started(new LogFileSpec(path)));
            Assert.StartsWith($"logfile={path}: ", refused.Message, StringComparison.Ordinal);
            return refused.Message;
        }
    }

    /// <summary>As when a disk is full or a folder is gone: one warning, a count, and it goes on when it can.</summary>
    [Fact]
    public void Write_CannotRotate_CountsTellsOnceAndGoesOnLater()
    {
        string inTheWay = $"{File1}.1";
        _ = Directory.CreateDirectory(Path.Combine(inTheWay, "full"));
        using OutputLog output = Started(new LogFileSpec(File1, RotateBytes: Limit, Keep: 1), TimeSpan.Zero);
        Write(output, new byte[Limit]);
        Assert.Equal(0, _counters.UnloggedBytes);
        Write(output, new byte[1000]);
        Write(output, new byte[1000]);
        Assert.Equal(2000, _counters.UnloggedBytes);
        Assert.Equal(Limit, new FileInfo(File1).Length);
        _ = Assert.Single(_log.All);
        Assert.True(_log.Contains("the port goes on without it"));

        Directory.Delete(inTheWay, recursive: true);
        Write(output, "again"u8);
        Assert.Equal("again", File.ReadAllText(File1));
        Assert.Equal(2000, _counters.UnloggedBytes);
        Assert.True(_log.Contains("2000 bytes are missing"));
    }

    [Fact]
    public void Write_FolderGone_CountsAndGoesOnWhenItIsBack()
    {
        string folder = _folder["sub"];
        string path = Path.Combine(folder, "log");
        _ = Directory.CreateDirectory(folder);
        using OutputLog output = Started(new LogFileSpec(path), TimeSpan.Zero);
        Directory.Delete(folder, recursive: true);
        Write(output, new byte[10]);
        Assert.Equal(10, _counters.UnloggedBytes);
        _ = Directory.CreateDirectory(folder);
        Write(output, "back"u8);
        Assert.Equal("back", File.ReadAllText(path));
    }

    [Fact]
    public void Write_AfterAFailure_LeavesTheFileAloneForAWhile()
    {
        string folder = _folder["sub"];
        _ = Directory.CreateDirectory(folder);
        using OutputLog output = Started(new LogFileSpec(Path.Combine(folder, "log"), RotateBytes: Limit), TimeSpan.FromHours(1));
        Directory.Delete(folder, recursive: true);
        Write(output, new byte[Limit + 10]);
        _ = Directory.CreateDirectory(folder);
        Write(output, new byte[10]);
        Assert.Equal(20, _counters.UnloggedBytes);
        Assert.Empty(Directory.GetFiles(folder));
    }

    [Fact]
    public void Write_FileMovedAway_BeginsANewOne()
    {
        using OutputLog output = Started(new LogFileSpec(File1), TimeSpan.Zero);
        Write(output, "one"u8);
        File.Move(File1, _folder["moved"]);
        Write(output, "two"u8);
        Assert.Equal("one", File.ReadAllText(_folder["moved"]));
        Assert.Equal("two", File.ReadAllText(File1));
    }

    [Fact]
    public void Write_TenThousandTimes_AllocatesNothing()
    {
        using OutputLog output = Started(new LogFileSpec(File1));
        IoVector[] pieces = [_memory.Vector(0, 8), _memory.Vector(8, 8)];
        output.Write(pieces, 16);
        long before = GC.GetAllocatedBytesForCurrentThread();
        for (int i = 0; i < 10_000; i++)
        {
            output.Write(pieces, 16);
        }

        // The file's place is looked up every five seconds, and the first time costs the runtime 8 KiB; one object for each write would be 240,000 bytes.
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 24_000);
        Assert.Equal(160_016, new FileInfo(File1).Length);
    }

    [Fact]
    public void Port_WithALogFile_LogsWhatWasTakenOnceAndInOrder()
    {
        using SerialRig rig = new();
        ScriptedEnd end = rig.Plug(new PortSpec(1, "a") { LogFile = new LogFileSpec(File1) });
        end.MaxPerWrite = 1234;
        using Guest guest = new(rig);
        SerialRig.Open(guest.Driver, 1);
        rig.Thread.Invoke(() => end.Allow(50_000));
        byte[] bytes = Guest.Bytes(200_000, 1);
        guest.Driver.Write(1, bytes);
        Wait.Until(() => end.TakenCount == 50_000, "what it takes");
        rig.Thread.Settle();
        Assert.Equal(bytes[..50_000], File.ReadAllBytes(File1));
        rig.Thread.Invoke(() => end.Allow(long.MaxValue));
        Wait.Until(() => end.TakenCount == bytes.Length, "the rest");
        rig.Thread.Settle();
        Assert.Equal(bytes, File.ReadAllBytes(File1));
    }

    [Fact]
    public void Port_LogFileThatCannotBe_DoesNotStart()
    {
        using SerialRig rig = new();
        Assert.Throws<HostEndException>(() => rig.Plug(new PortSpec(1, "a") { LogFile = new LogFileSpec(_folder["none/log"]) }));
    }

    private OutputLog Started(LogFileSpec spec, TimeSpan? pause = null)
    {
        OutputLog output = new(new PortSpec(1, "a"), spec, _counters, _log) { Pause = pause ?? TimeSpan.FromSeconds(5) };
        output.Start();
        return output;
    }

    /// <summary>In pieces of odd sizes, as a guest's buffers may be.</summary>
    private void Write(OutputLog output, ReadOnlySpan<byte> bytes)
    {
        bytes.CopyTo(_memory.Span);
        List<IoVector> pieces = [];
        for (int at = 0; at < bytes.Length; at += 4097)
        {
            pieces.Add(_memory.Vector(at, Math.Min(4097, bytes.Length - at)));
        }

        output.Write([.. pieces], bytes.Length);
    }
}
