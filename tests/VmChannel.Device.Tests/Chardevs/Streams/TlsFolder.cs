using System.Security.Cryptography.X509Certificates;
using VmChannel.Testing;

namespace VmChannel.Device.Tests.Chardevs.Streams;

/// <summary>The files of a TLS chardev, and who may connect to it.</summary>
internal sealed class TlsFolder : IDisposable
{
    private readonly TemporaryFolder _folder = new();
    private int _files;

    public TlsFolder()
    {
        ServerPem = Write(TestAuthority.PemOf(Authority.Issue("server", "server.example")));
        AuthorityPem = Write(Authority.Pem);
    }

    public TestAuthority Authority { get; } = new();

    public TestAuthority OtherAuthority { get; } = new("somebody else");

    /// <summary>Path of the server's certificate and key.</summary>
    public string ServerPem { get; }

    public string AuthorityPem { get; }

    public string Write(string text)
    {
        string path = _folder[$"{++_files}.pem"];
        File.WriteAllText(path, text);
        return path;
    }

    public string Write(X509Certificate2 certificate) => Write(TestAuthority.PemOf(certificate));

    public void Dispose()
    {
        Authority.Dispose();
        OtherAuthority.Dispose();
        _folder.Dispose();
    }
}
