using System.Runtime.Versioning;
using VmChannel.Device.Channels;
using VmChannel.Native;
using Xunit;

namespace VmChannel.Device.Tests.Chardevs;

[SupportedOSPlatform("linux")]
public sealed class FileChardevTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void File_Output_IsReplacedOrKept()
    {
        string path = _folder["out"];
        File.WriteAllText(path, "old ");
        using (ChardevRig rig = ChardevRig.Started($"file,path={path},append=on"))
        {
            rig.Send("new"u8.ToArray());
            rig.WaitSent();
        }

        Assert.Equal("old new", File.ReadAllText(path));
        using (ChardevRig rig = ChardevRig.Started($"file:{path}"))
        {
            rig.Send("only"u8.ToArray());
            rig.WaitSent();
        }

        Assert.Equal("only", File.ReadAllText(path));
    }

    [Fact]
    public void File_Input_IsReadToItsEndAndOutputGoesOn()
    {
        byte[] input = TemporaryFolder.RandomBytes(300_000);
        File.WriteAllBytes(_folder["in"], input);
        using ChardevRig rig = ChardevRig.Started($"file:{_folder["out"]},input-path={_folder["in"]}");
        Assert.Equal(input, rig.WaitReceived(input.Length));
        rig.Send("still"u8.ToArray());
        rig.WaitSent();
        Assert.True(rig.On(() => rig.End.IsOpen));
        Assert.Equal("still", File.ReadAllText(_folder["out"]));
    }

    [Fact]
    public void File_DiskFull_HoldsAndSaysSoOnce()
    {
        using ChardevRig rig = ChardevRig.Started("file:/dev/full");
        rig.Send("x"u8.ToArray());
        rig.WaitFor(() => !rig.Log.Lines.IsEmpty, "a log line");
        Assert.Equal(1, rig.Unsent());
        int wakeUps = rig.On(() => rig.WakeUps);
        rig.WaitFor(() => rig.WakeUps > wakeUps + 1, "two attempts");
        Assert.Contains("No space left", Assert.Single(rig.Log.Lines), StringComparison.Ordinal);
        Assert.True(rig.On(() => rig.End.IsOpen));
    }

    [Fact]
    public void File_Fifo_IsReadByAProgramThatComesLater()
    {
        string path = _folder["fifo"];
        MakeFifo(path);
        using ChardevRig rig = ChardevRig.Started($"file:{path}");
        byte[] sent = TemporaryFolder.RandomBytes(500_000);
        rig.Send(sent);
        Assert.InRange(rig.Unsent(), 1, sent.Length);
        using FileStream reader = new(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite, bufferSize: 0);
        byte[] got = new byte[sent.Length];
        reader.ReadExactly(got);
        Assert.Equal(sent, got);
        rig.WaitSent();
    }

    [Fact]
    public void File_CannotBeOpened_SaysWhich()
    {
        using ChardevRig rig = new($"file:{_folder["none/out"]}");
        Assert.Contains("no such file or folder", Assert.Throws<HostEndException>(rig.Start).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Pipe_TwoFifos_CarryBothWaysAndProgramsComeAndGo()
    {
        string path = _folder["p"];
        MakeFifo(path + ".in");
        MakeFifo(path + ".out");
        using ChardevRig rig = ChardevRig.Started($"pipe:{path}");
        for (int round = 0; round < 2; round++)
        {
            File.WriteAllText(path + ".in", "to guest");
            rig.WaitReceived(8 * (round + 1));
        }

        byte[] sent = TemporaryFolder.RandomBytes(300_000);
        rig.Send(sent);
        using FileStream reader = new(path + ".out", FileMode.Open, FileAccess.Read, FileShare.ReadWrite, bufferSize: 0);
        byte[] got = new byte[sent.Length];
        reader.ReadExactly(got);
        Assert.Equal(sent, got);
    }

    [Fact]
    public void Pipe_Missing_SaysHowToMakeIt()
    {
        using ChardevRig rig = new($"pipe:{_folder["p"]}");
        Assert.Contains($"mkfifo {_folder["p"]}.in", Assert.Throws<HostEndException>(rig.Start).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Fd_Socket_WorksLikeAnyOther()
    {
        (FileDescriptor ours, FileDescriptor theirs) = UnixSocket.Pair();
        using FileDescriptor peer = ours;
        using ChardevRig rig = ChardevRig.Started($"fd:{theirs.Number}");
        theirs.Dispose();
        peer.Write("hello"u8).OrThrow("write");
        Assert.Equal("hello"u8.ToArray(), rig.WaitReceived(5));
        rig.Send("answer"u8.ToArray());
        byte[] answer = new byte[6];
        Assert.Equal(6, peer.Read(answer.AsSpan()).OrThrow("read"));
        peer.Dispose();
        rig.WaitOpen(false);
    }

    [Fact]
    public void Fd_ReadEndOfPipe_EndsWithItsWriter()
    {
        (FileDescriptor reader, FileDescriptor writer) = AnonymousPipe.Create();
        using ChardevRig rig = ChardevRig.Started($"fd:{reader.Number}", isGuestOpen: false);
        reader.Dispose();
        writer.Write("last"u8).OrThrow("write");
        writer.Dispose();
        rig.WaitOpen();
        rig.OpenGuest();
        rig.WaitOpen(false);
        Assert.Equal("last"u8.ToArray(), rig.Received());
    }

    [Fact]
    public void Fd_WriteEndOfPipe_ClosesWithItsReader()
    {
        (FileDescriptor reader, FileDescriptor writer) = AnonymousPipe.Create();
        using ChardevRig rig = ChardevRig.Started($"fd:{writer.Number}");
        writer.Dispose();
        rig.Send("out"u8.ToArray());
        byte[] got = new byte[3];
        Assert.Equal(3, reader.Read(got.AsSpan()).OrThrow("read"));
        reader.Dispose();
        rig.WaitOpen(false);
        rig.Send("held"u8.ToArray());
        Assert.Equal(4, rig.Unsent());
    }

    [Fact]
    public void Fd_NotOpen_SaysSo()
    {
        using ChardevRig rig = new("fd:9999");
        Assert.Contains("no such descriptor", Assert.Throws<HostEndException>(rig.Start).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Null_TakesAllGivesNothing()
    {
        using ChardevRig rig = ChardevRig.Started("null");
        rig.Send(TemporaryFolder.RandomBytes(100_000));
        Assert.Equal(0, rig.Unsent());
        Assert.Empty(rig.Received());
    }

    private static void MakeFifo(string path) => NamedPipe.Create(path, 0x180).OrThrow("mkfifo");
}
