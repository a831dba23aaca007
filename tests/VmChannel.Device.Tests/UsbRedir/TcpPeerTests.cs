using System.Globalization;
using System.Net;
using System.Net.Sockets;
using VmChannel.Device.UsbRedir;
using VmChannel.Native;
using VmChannel.Testing;
using Xunit;

namespace VmChannel.Device.Tests.UsbRedir;

public sealed class TcpPeerTests
{
    /// <summary>The kernel shows it: timer 2 of an established connection with nothing under way is the keepalive's.</summary>
    [Fact]
    public void Peer_OnAnotherMachine_IsAskedWhetherItIsStillThere()
    {
        using TcpListener listener = new(IPAddress.Loopback, 0);
        listener.Start();
        IPEndPoint address = (IPEndPoint)listener.LocalEndpoint;
        LogLines log = new();
        using LoopThread thread = new(log);
        UsbRedirServer server = new(thread.Loop, new UsbRedirEndpoint(null, address, Connects: true), log.For<UsbRedirServer>());
        thread.Invoke(server.Start);
        using Socket peer = listener.AcceptSocket();
        Wait.Until(() => thread.Invoke(() => server.IsConnected), "the connection");

        string remote = string.Create(CultureInfo.InvariantCulture, $":{address.Port:X4} 01 ");
        _ = peer.Receive(new byte[4096]);
        Wait.Until(
            () => File.ReadLines("/proc/net/tcp").Any(line => line.Contains(remote, StringComparison.Ordinal) && line.Contains(" 02:", StringComparison.Ordinal)),
            "the keepalive timer");
        thread.Invoke(server.Dispose);
    }

    [Fact]
    public void Disposed_ThatIsToldOfAPeerOnceMore_DoesNothing()
    {
        LogLines log = new();
        using LoopThread thread = new(log);
        _ = UnixAddress.TryCreate($"vmchannel-{Guid.NewGuid():N}", isAbstract: true, isTight: true, out UnixAddress? address, out _);
        UsbRedirServer server = new(thread.Loop, new UsbRedirEndpoint(address, null, Connects: false), log.For<UsbRedirServer>());
        thread.Invoke(() =>
        {
            server.Start();
            server.Dispose();
            server.OnReady(EpollEvents.In);
        });
        Assert.False(server.IsConnected);
    }
}
