using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Cryptography.X509Certificates;
using VmChannel.Device.Channels;
using VmChannel.Testing;
using Xunit;

namespace VmChannel.Device.Tests.Chardevs.Streams;

public sealed class TlsClientTests : IDisposable
{
    private readonly TlsFolder _files = new();
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);

    public TlsClientTests() => _listener.Start();

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    private static TimeSpan Patience => TimeSpan.FromSeconds(20);

    private string Server => $"tcp:127.0.0.1:{((IPEndPoint)_listener.LocalEndpoint).Port}";

    public void Dispose()
    {
        _listener.Dispose();
        _files.Dispose();
    }

    [Theory]
    [InlineData("")]
    [InlineData(",tls-name=server.example")]
    public async Task Server_OfTheAuthority_IsTalkedTo(string name)
    {
        using ChardevRig rig = ChardevRig.Started($"{Server},tls-ca={_files.AuthorityPem}{name}");
        await using SslStream server = await AcceptAsync(_files.Authority);
        rig.WaitOpen();
        Assert.True(rig.End.Ready.IsCompletedSuccessfully);
        rig.Send("question"u8.ToArray());
        byte[] bytes = new byte[8];
        await server.ReadExactlyAsync(bytes, Cancellation).AsTask().WaitAsync(Patience, Cancellation);
        Assert.Equal("question"u8.ToArray(), bytes);
        await server.WriteAsync("answer"u8.ToArray(), Cancellation);
        Assert.Equal("answer"u8.ToArray(), rig.WaitReceived(6));
    }

    [Fact]
    public async Task Server_ThatDemandsACertificate_GetsIt()
    {
        using X509Certificate2 own = _files.Authority.Issue("vm1");
        using ChardevRig rig = ChardevRig.Started($"{Server},tls-ca={_files.AuthorityPem},tls-cert={_files.Write(own)}");
        string? name = null;
        await using SslStream server = await AcceptAsync(_files.Authority, certificate => name = certificate?.Subject);
        rig.WaitOpen();
        Assert.Equal("CN=vm1", name);
    }

    [Theory]
    [InlineData("other authority", "", "is not valid here")]
    [InlineData("expired", "", "is not valid here")]
    [InlineData("right", ",tls-name=other.example", "say the right name with tls-name=")]
    public async Task Server_WithoutAValidCertificate_IsNotTalkedTo(string kind, string name, string reason)
    {
        using ChardevRig rig = ChardevRig.Started($"{Server},tls-ca={_files.AuthorityPem}{name}");
        Task serving = kind == "other authority" ? AcceptAsync(_files.OtherAuthority) : AcceptAsync(_files.Authority, validDays: kind == "expired" ? -1 : 30);
        HostEndException failure = await Assert.ThrowsAsync<HostEndException>(() => rig.End.Ready.WaitAsync(Patience, Cancellation));
        await Task.WhenAny(serving);
        Assert.Contains(reason, failure.Message, StringComparison.Ordinal);
        Assert.False(rig.On(() => rig.End.IsOpen));
    }

    [Fact]
    public async Task Server_OfTheSystemsAuthoritiesDemanded_IsRefusedWhenItIsNot()
    {
        using ChardevRig rig = ChardevRig.Started($"{Server},tls");
        Task serving = AcceptAsync(_files.Authority);
        HostEndException failure = await Assert.ThrowsAsync<HostEndException>(() => rig.End.Ready.WaitAsync(Patience, Cancellation));
        await Task.WhenAny(serving);
        Assert.Contains("is not valid here", failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Server_Absent_IsNeverReady()
    {
        string server = Server;
        _listener.Stop();
        using ChardevRig rig = ChardevRig.Started($"{server},tls");
        HostEndException failure = await Assert.ThrowsAsync<HostEndException>(() => rig.End.Ready.WaitAsync(Patience, Cancellation));
        Assert.Contains("Connection refused", failure.Message, StringComparison.Ordinal);
        Assert.Contains("reconnect-ms=", failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Server_ThatComesBack_IsConnectedToAgain()
    {
        using ChardevRig rig = ChardevRig.Started($"{Server},tls-ca={_files.AuthorityPem},reconnect-ms=10");
        for (int round = 0; round < 3; round++)
        {
            await using SslStream server = await AcceptAsync(_files.Authority);
            await server.WriteAsync(new byte[] { (byte)round }, Cancellation);
            _ = rig.WaitReceived(round + 1);
        }

        Assert.Equal([0, 1, 2], rig.Received());
    }

    private async Task<SslStream> AcceptAsync(TestAuthority authority, Action<X509Certificate?>? seen = null, int validDays = 30)
    {
        Socket socket = await _listener.AcceptSocketAsync(Cancellation).AsTask().WaitAsync(Patience, Cancellation);
        SslStream stream = new(new NetworkStream(socket, ownsSocket: true));
        await stream.AuthenticateAsServerAsync(
            new SslServerAuthenticationOptions
            {
                ServerCertificateContext = SslStreamCertificateContext.Create(authority.Issue("server", "server.example", validDays), null, offline: true),
                ClientCertificateRequired = seen is not null,
                RemoteCertificateValidationCallback = (_, certificate, _, _) =>
                {
                    seen?.Invoke(certificate);
                    return seen is null || certificate is not null;
                },
            },
            Cancellation).WaitAsync(Patience, Cancellation);
        return stream;
    }
}
