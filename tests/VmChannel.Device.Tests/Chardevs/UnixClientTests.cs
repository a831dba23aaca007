using System.Net.Sockets;
using System.Runtime.Versioning;
using VmChannel.Device.Channels;
using Xunit;

namespace VmChannel.Device.Tests.Chardevs;

[SupportedOSPlatform("linux")]
public sealed class UnixClientTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    private string SocketPath => _folder["s"];

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Client_ServerThere_BytesFlowBothWays()
    {
        using Socket listener = Listen();
        using ChardevRig rig = ChardevRig.Started($"unix:{SocketPath}");
        using Socket server = listener.Accept();
        Assert.True(rig.On(() => rig.End.IsOpen));
        server.Send("hello"u8);
        Assert.Equal("hello"u8.ToArray(), rig.WaitReceived(5));
        rig.Send("answer"u8.ToArray());
        Assert.Equal("answer"u8.ToArray(), UnixServerTests.ReceiveExactly(server, 6));
    }

    [Fact]
    public void Client_ServerAbsent_SaysWhoIsMissingAndWhatToDo()
    {
        using ChardevRig rig = new($"unix:{SocketPath}");
        string message = Assert.Throws<HostEndException>(rig.Start).Message;
        Assert.Contains(SocketPath, message, StringComparison.Ordinal);
        Assert.Contains("there is no such socket", message, StringComparison.Ordinal);
        Assert.Contains("reconnect-ms", message, StringComparison.Ordinal);
    }

    [Fact]
    public void Client_ServerDead_SaysNobodyListens()
    {
        using (Socket listener = Listen())
        {
            File.Move(SocketPath, _folder["t"]);
        }

        using ChardevRig rig = new($"unix:{_folder["t"]}");
        Assert.Contains("nobody listens", Assert.Throws<HostEndException>(rig.Start).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Client_Reconnect_FindsServerThatComesLate()
    {
        using ChardevRig rig = ChardevRig.Started($"unix:{SocketPath},reconnect-ms=10");
        Assert.False(rig.On(() => rig.End.IsOpen));
        rig.Send("held"u8.ToArray());
        Assert.Equal(4, rig.Unsent());
        using Socket listener = Listen();
        using Socket server = listener.Accept();
        Assert.Equal("held"u8.ToArray(), UnixServerTests.ReceiveExactly(server, 4));
        _ = Assert.Single(rig.Log.Lines, line => line.Contains("tries again", StringComparison.Ordinal));
    }

    [Fact]
    public void Client_Reconnect_ComesBackAfterServerLeftInMidTransfer()
    {
        using Socket listener = Listen();
        using ChardevRig rig = ChardevRig.Started($"unix:{SocketPath},reconnect-ms=10");
        byte[] sent = TemporaryFolder.RandomBytes(3_000_000);
        using (Socket first = listener.Accept())
        {
            rig.Send(sent);
            _ = UnixServerTests.ReceiveExactly(first, 1000);
        }

        using Socket second = listener.Accept();
        byte[] next = UnixServerTests.ReceiveExactly(second, 500_000);
        Assert.InRange(sent.AsSpan().IndexOf(next), 1000, sent.Length);
    }

    [Fact]
    public void Client_NoReconnect_StaysClosedAfterServerLeft()
    {
        using Socket listener = Listen();
        using ChardevRig rig = ChardevRig.Started($"unix:{SocketPath}");
        using (Socket server = listener.Accept())
        {
            server.Send("bye"u8);
        }

        rig.WaitOpen(false);
        Assert.Equal("bye"u8.ToArray(), rig.Received());
        Assert.Contains("has left", rig.On(() => rig.End.Detail), StringComparison.Ordinal);
    }

    private Socket Listen()
    {
        Socket listener = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        listener.Bind(new UnixDomainSocketEndPoint(SocketPath));
        listener.Listen(1);
        return listener;
    }
}
