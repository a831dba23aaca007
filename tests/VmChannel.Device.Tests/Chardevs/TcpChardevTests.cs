using System.Net;
using System.Net.Sockets;
using System.Runtime.Versioning;
using VmChannel.Device.Channels;
using VmChannel.Device.Chardevs;
using VmChannel.Testing;
using Xunit;

namespace VmChannel.Device.Tests.Chardevs;

[SupportedOSPlatform("linux")]
public sealed class TcpChardevTests
{
    [Theory]
    [InlineData("tcp:127.0.0.1:0,server,nowait")]
    [InlineData("socket,host=localhost,port=0,server=on,wait=off,nodelay=on")]
    [InlineData("tcp::0,server")]
    public void Server_ClientThere_BytesFlowBothWays(string options)
    {
        using ChardevRig rig = ChardevRig.Started(options);
        using Socket client = Connect(rig);
        client.Send("hello"u8);
        Assert.Equal("hello"u8.ToArray(), rig.WaitReceived(5));
        byte[] sent = TemporaryFolder.RandomBytes(5_000_000);
        rig.Send(sent);
        Assert.Equal(sent, UnixServerTests.ReceiveExactly(client, sent.Length));
        rig.WaitSent();
    }

    [Fact]
    public void Server_ClientEndsItsSide_ClosesAfterEverythingWasRead()
    {
        using ChardevRig rig = ChardevRig.Started("tcp:127.0.0.1:0,server", isGuestOpen: false);
        byte[] early = TemporaryFolder.RandomBytes(60_000);
        using Socket client = Connect(rig);
        client.Send(early);
        client.Shutdown(SocketShutdown.Send);
        rig.WaitOpen();
        rig.OpenGuest();
        Assert.Equal(early, rig.WaitReceived(early.Length));
        rig.WaitOpen(false);
        Assert.Equal(0, client.Receive(new byte[1]));
    }

    /// <summary>An urgent byte cuts a read short, and is no byte of the stream.</summary>
    [Fact]
    public void Client_SendsUrgentData_TheBytesAroundItArrive()
    {
        using ChardevRig rig = ChardevRig.Started("tcp:127.0.0.1:0,server,nowait");
        using Socket client = Connect(rig);
        client.NoDelay = true;
        client.Send("a"u8);
        _ = rig.WaitReceived(1);
        _ = rig.On(() => client.Send("bc"u8) + client.Send("!"u8, SocketFlags.OutOfBand) + client.Send("de"u8));
        Assert.Equal("abcde"u8.ToArray(), rig.WaitReceived(5));
    }

    [Fact]
    public void Server_PortInUse_SaysSo()
    {
        using ChardevRig first = ChardevRig.Started("tcp:127.0.0.1:0,server");
        using ChardevRig second = new($"tcp:127.0.0.1:{Port(first)},server");
        Assert.Contains("choose another port", Assert.Throws<HostEndException>(second.Start).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("tcp:localhost:{0}")]
    [InlineData("tcp:127.0.0.1:{0},nodelay")]
    [InlineData("socket,host=127.0.0.1,port={0}")]
    public void Client_ServerThere_BytesFlowBothWays(string options)
    {
        using TcpListener listener = new(IPAddress.Loopback, 0);
        listener.Start();
        using ChardevRig rig = ChardevRig.Started(Format(options, ((IPEndPoint)listener.LocalEndpoint).Port));
        using Socket server = listener.AcceptSocket();
        rig.WaitOpen();
        Assert.True(((Chardev)rig.End).Ready.IsCompletedSuccessfully);
        server.Send("hello"u8);
        Assert.Equal("hello"u8.ToArray(), rig.WaitReceived(5));
        rig.Send("answer"u8.ToArray());
        Assert.Equal("answer"u8.ToArray(), UnixServerTests.ReceiveExactly(server, 6));
    }

    [Fact]
    public void Client_IPv6InBrackets_Connects()
    {
        Assert.SkipUnless(Socket.OSSupportsIPv6, "no IPv6");
        using TcpListener listener = new(IPAddress.IPv6Loopback, 0);
        try
        {
            listener.Start();
        }
        catch (SocketException)
        {
            Assert.Skip("no IPv6 loopback");
        }

        using ChardevRig rig = ChardevRig.Started(Format("tcp:[::1]:{0}", ((IPEndPoint)listener.LocalEndpoint).Port));
        using Socket server = listener.AcceptSocket();
        rig.WaitOpen();
    }

    [Fact]
    public async Task Client_ServerAbsent_IsNeverReady()
    {
        using ChardevRig rig = new(Format("tcp:127.0.0.1:{0}", TcpPort.Free()));
        HostEndException failure = await Assert.ThrowsAsync<HostEndException>(async () =>
        {
            rig.Start();
            await ((Chardev)rig.End).Ready;
        });
        Assert.Contains("Connection refused", failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Client_HostUnknown_IsNeverReadyAndDoesNotBlockTheLoop()
    {
        using ChardevRig rig = new("tcp:no-such-host.invalid:4444");
        rig.Start();
        Assert.False(rig.On(() => rig.End.IsOpen));
        HostEndException failure = await Assert.ThrowsAsync<HostEndException>(() => ((Chardev)rig.End).Ready);
        Assert.Contains("cannot find the host", failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Client_Reconnect_ComesBack()
    {
        int port = TcpPort.Free();
        using ChardevRig rig = ChardevRig.Started(Format("tcp:127.0.0.1:{0},reconnect-ms=10", port));
        for (int round = 0; round < 2; round++)
        {
            using TcpListener listener = new(IPAddress.Loopback, port);
            listener.Start();
            using Socket server = listener.AcceptSocket();
            server.Send([(byte)round]);
            rig.WaitReceived(round + 1);
        }

        rig.WaitOpen(false);
        Assert.Equal([0, 1], rig.Received());
    }

    private static Socket Connect(ChardevRig rig)
    {
        Socket client = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        client.Connect(IPAddress.Loopback, Port(rig));
        return client;
    }

    private static int Port(ChardevRig rig) => ((TcpServer)rig.End).LocalAddress!.Port;

    private static string Format(string options, int port) => string.Format(System.Globalization.CultureInfo.InvariantCulture, options, port);
}
