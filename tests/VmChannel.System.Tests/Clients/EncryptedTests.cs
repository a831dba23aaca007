using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Net.WebSockets;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using VmChannel.SystemTests.Rig;
using VmChannel.Testing;

namespace VmChannel.SystemTests.Clients;

/// <summary>TLS and WebSocket clients of a program in the guest that says back what it hears.</summary>
[Collection<UmlTests>]
public sealed class EncryptedTests(UmlMachine machine) : GuestTests(machine)
{
    private const int Messages = 64;

    [Fact]
    public async Task Tls_ClientWithACertificate_TalksToTheGuestAndOneWithoutIsRefused()
    {
        using TestAuthority authority = new();
        int port = TcpPort.Free();
        string path = await PlugAsync("test.tls", $"char=tcp:127.0.0.1:{port},server,{WriteServerFiles(authority)}");
        await using EventTrail trail = await EventTrail.StartAsync(Machine.Serve);
        await using (SslStream stranger = await ConnectAsync(port, authority, null))
        {
            // With TLS 1.3 the client is done before the server has seen that a certificate is missing.
            await Assert.ThrowsAnyAsync<Exception>(async () => await stranger.ReadExactlyAsync(new byte[1], TestContext.Current.CancellationToken));
        }

        await trail.WaitForAsync("peer-refused", "test.tls");
        using X509Certificate2 certificate = authority.Issue("operator");
        await using SslStream stream = await ConnectAsync(port, authority, certificate);
        await trail.WaitForAsync("host-opened", "test.tls");
        Task<GuestResult> echo = Guest.TryAsync($"exec 5<>{path}; cat <&5 >&5", Patience.Long);
        await ExpectEchoAsync(stream);
        await UnplugAsync("test.tls");
        _ = await echo;
    }

    [Fact]
    public async Task WebSocket_ClientOverTls_TalksToTheGuest()
    {
        using TestAuthority authority = new();
        int port = TcpPort.Free();
        string path = await PlugAsync("test.ws", $"char=wss:127.0.0.1:{port}/guest,server,{WriteServerFiles(authority)}");
        await using EventTrail trail = await EventTrail.StartAsync(Machine.Serve);
        using X509Certificate2 certificate = authority.Issue("operator");
        using ClientWebSocket socket = new();
        socket.Options.ClientCertificates.Add(certificate);
        socket.Options.RemoteCertificateValidationCallback = (_, shown, _, _) => IsOf(authority, shown);
        socket.Options.AddSubProtocol("binary");
        using CancellationTokenSource limit = new(Patience.Short);
        await socket.ConnectAsync(new Uri($"wss://127.0.0.1:{port}/guest"), limit.Token);
        Assert.Equal("binary", socket.SubProtocol);
        await trail.WaitForAsync("host-opened", "test.ws");
        Task<GuestResult> echo = Guest.TryAsync($"exec 5<>{path}; cat <&5 >&5", Patience.Long);
        await using Stream stream = WebSocketStream.Create(socket, WebSocketMessageType.Binary, ownsWebSocket: false);
        await ExpectEchoAsync(stream);
        await UnplugAsync("test.ws");
        _ = await echo;
    }

    private static async Task<SslStream> ConnectAsync(int port, TestAuthority authority, X509Certificate2? certificate)
    {
        TcpClient tcp = new();
        await tcp.ConnectAsync(IPAddress.Loopback, port, TestContext.Current.CancellationToken);
        SslStream stream = new(tcp.GetStream());
        await stream.AuthenticateAsClientAsync(
            new SslClientAuthenticationOptions
            {
                TargetHost = "localhost",
                ClientCertificates = certificate is null ? null : [certificate],
                RemoteCertificateValidationCallback = (_, shown, _, _) => IsOf(authority, shown),
            },
            TestContext.Current.CancellationToken);
        return stream;
    }

    private static bool IsOf(TestAuthority authority, X509Certificate? shown) => shown?.Issuer == authority.Certificate.Subject;

    /// <summary>Sends messages of many sizes and reads them back while it does.</summary>
    private static async Task ExpectEchoAsync(Stream stream)
    {
        byte[] all = [.. Enumerable.Range(1, Messages).SelectMany(number => Encoding.ASCII.GetBytes(new string((char)('a' + (number % 26)), number * 150) + "\n"))];
        using CancellationTokenSource limit = new(Patience.Short);
        Task sending = SendAsync();
        byte[] heard = new byte[all.Length];
        await stream.ReadExactlyAsync(heard, limit.Token);
        Assert.True(all.AsSpan().SequenceEqual(heard));
        await sending;

        async Task SendAsync()
        {
            int sent = 0;
            for (int number = 1; number <= Messages; number++)
            {
                int count = (number * 150) + 1;
                await stream.WriteAsync(all.AsMemory(sent, count), limit.Token);
                await stream.FlushAsync(limit.Token);
                sent += count;
            }
        }
    }

    /// <summary>The words of a server that shows a certificate, and wants one of its own authority.</summary>
    private string WriteServerFiles(TestAuthority authority)
    {
        using X509Certificate2 host = authority.Issue("localhost", "localhost");
        File.WriteAllText(Machine.File("host.pem"), TestAuthority.PemOf(host));
        File.WriteAllText(Machine.File("host.key"), TestAuthority.KeyPemOf(host));
        File.WriteAllText(Machine.File("clients.pem"), authority.Pem);
        return $"tls-cert={Machine.File("host.pem")},tls-key={Machine.File("host.key")},tls-ca={Machine.File("clients.pem")},tls-allow=operator";
    }
}
