using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Cryptography.X509Certificates;
using VmChannel.Device.Chardevs.Streams;
using VmChannel.Testing;
using Xunit;

namespace VmChannel.Device.Tests.Chardevs.Streams;

/// <summary>A program that connects to a TLS chardev.</summary>
internal sealed class TlsClient : IAsyncDisposable
{
    private TlsClient(Socket socket)
    {
        Socket = socket;
        Stream = new SslStream(new NetworkStream(socket, ownsSocket: true));
    }

    public Socket Socket { get; }

    public SslStream Stream { get; }

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public static IPEndPoint Address(ChardevRig rig) => ((StreamEnd)rig.End).LocalAddress!;

    public static Task<Socket> ConnectAsync(ChardevRig rig) => ConnectAsync(Address(rig));

    /// <summary>Connects and shakes hands.</summary>
    /// <param name="rig">Whose server.</param>
    /// <param name="authority">Whom the server's certificate has to come from.</param>
    /// <param name="certificate">The client's own.</param>
    public static Task<TlsClient> ConnectAsync(ChardevRig rig, TestAuthority authority, X509Certificate2? certificate = null)
        => ConnectAsync(Address(rig), authority, certificate);

    /// <inheritdoc cref="ConnectAsync(ChardevRig, TestAuthority, X509Certificate2?)"/>
    public static async Task<TlsClient> ConnectAsync(IPEndPoint address, TestAuthority authority, X509Certificate2? certificate = null)
    {
        TlsClient client = new(await ConnectAsync(address));
        X509ChainPolicy policy = new() { TrustMode = X509ChainTrustMode.CustomRootTrust, RevocationMode = X509RevocationMode.NoCheck };
        policy.CustomTrustStore.Add(authority.Certificate);
        await client.Stream.AuthenticateAsClientAsync(
            new SslClientAuthenticationOptions
            {
                TargetHost = "server.example",
                CertificateChainPolicy = policy,
                ClientCertificateContext = certificate is null ? null : SslStreamCertificateContext.Create(certificate, null, offline: true),
            },
            Cancellation).WaitAsync(TimeSpan.FromSeconds(20), Cancellation);
        return client;
    }

    private static async Task<Socket> ConnectAsync(IPEndPoint address)
    {
        Socket socket = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        await socket.ConnectAsync(address, Cancellation);
        return socket;
    }

    public async Task<byte[]> ReadAsync(int count)
    {
        byte[] bytes = new byte[count];
        await Stream.ReadExactlyAsync(bytes, Cancellation).AsTask().WaitAsync(TimeSpan.FromSeconds(20), Cancellation);
        return bytes;
    }

    public Task WriteAsync(byte[] bytes) => Stream.WriteAsync(bytes, Cancellation).AsTask().WaitAsync(TimeSpan.FromSeconds(20), Cancellation);

    public ValueTask DisposeAsync() => Stream.DisposeAsync();
}
