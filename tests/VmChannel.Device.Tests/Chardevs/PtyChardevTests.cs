using System.Runtime.Versioning;
using VmChannel.Device.Channels;
using VmChannel.Device.Chardevs;
using Xunit;

namespace VmChannel.Device.Tests.Chardevs;

[SupportedOSPlatform("linux")]
public sealed class PtyChardevTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    private string Link => _folder["tty"];

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Pty_SlaveOpenedAndClosed_HostComesAndGoes()
    {
        using ChardevRig rig = ChardevRig.Started($"pty,path={Link}");
        for (int round = 0; round < 3; round++)
        {
            rig.WaitOpen(false);
            using FileStream slave = OpenSlave();
            rig.WaitOpen();
            slave.Write([(byte)round]);
            rig.WaitReceived(round + 1);
            rig.Send([(byte)(100 + round)]);
            Assert.Equal(100 + round, slave.ReadByte());
        }

        rig.WaitOpen(false);
        Assert.Equal([0, 1, 2], rig.Received());
    }

    [Fact]
    public void Pty_LotsBothWays_NothingLost()
    {
        using ChardevRig rig = ChardevRig.Started($"pty,path={Link}");
        using FileStream slave = OpenSlave();
        rig.WaitOpen();
        byte[] sent = TemporaryFolder.RandomBytes(1_000_000);
        rig.Send(sent);
        byte[] got = new byte[sent.Length];
        slave.ReadExactly(got);
        Assert.Equal(sent, got);
        rig.WaitSent();

        slave.Write(sent);
        Assert.Equal(sent, rig.WaitReceived(sent.Length));
    }

    [Fact]
    public void Pty_WrittenAndClosedBeforeGuestOpens_BytesReachTheGuestLater()
    {
        using ChardevRig rig = ChardevRig.Started($"pty,path={Link}", isGuestOpen: false);
        using (FileStream slave = OpenSlave())
        {
            slave.Write("early"u8);
        }

        rig.WaitOpen();
        rig.OpenGuest();
        Assert.Equal("early"u8.ToArray(), rig.WaitReceived(5));
        rig.WaitOpen(false);
    }

    [Fact]
    public void Pty_NobodyThere_GuestKeepsItsBytes()
    {
        using ChardevRig rig = ChardevRig.Started($"pty,path={Link}");
        rig.Send("held"u8.ToArray());
        Assert.Equal(4, rig.Unsent());
        using FileStream slave = OpenSlave();
        byte[] got = new byte[4];
        slave.ReadExactly(got);
        Assert.Equal("held"u8.ToArray(), got);
    }

    [Fact]
    public void Pty_Disposed_LinkIsGone()
    {
        using (ChardevRig rig = ChardevRig.Started($"pty,path={Link}"))
        {
            Assert.Equal(((PtyChardev)rig.End).SlavePath, new FileInfo(Link).LinkTarget);
        }

        Assert.True(_folder.IsEmpty);
    }

    [Fact]
    public void Pty_DanglingLink_IsReplaced()
    {
        _ = File.CreateSymbolicLink(Link, "/dev/pts/99999");
        using ChardevRig rig = ChardevRig.Started($"pty,path={Link}");
        using FileStream slave = OpenSlave();
        rig.WaitOpen();
    }

    [Fact]
    public void Pty_SomethingElseInTheWay_IsRefusedAndKept()
    {
        File.WriteAllText(Link, "precious");
        using ChardevRig rig = new($"pty,path={Link}");
        Assert.Contains("something else has this name", Assert.Throws<HostEndException>(rig.Start).Message, StringComparison.Ordinal);
        Assert.Equal("precious", File.ReadAllText(Link));
    }

    private FileStream OpenSlave() => new(Link, FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite, bufferSize: 0);
}
