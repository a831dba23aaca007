using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace VmChannel.Testing;

/// <summary>A certificate authority for one test, and the certificates it gives out.</summary>
public sealed class TestAuthority : IDisposable
{
    private readonly X509Certificate2 _certificate;
    private int _serial;

    public TestAuthority(string name = "test authority")
    {
        using ECDsa key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        CertificateRequest request = new($"CN={name}", key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));
        request.CertificateExtensions.Add(new X509KeyUsageExtension(X509KeyUsageFlags.KeyCertSign | X509KeyUsageFlags.CrlSign, true));
        request.CertificateExtensions.Add(new X509SubjectKeyIdentifierExtension(request.PublicKey, false));
        _certificate = request.CreateSelfSigned(DateTimeOffset.UtcNow.AddYears(-1), DateTimeOffset.UtcNow.AddYears(1));
    }

    public X509Certificate2 Certificate => _certificate;

    public string Pem => _certificate.ExportCertificatePem();

    /// <summary>A certificate for a server (with DNS name <paramref name="dnsName"/> and 127.0.0.1) or a client.</summary>
    public X509Certificate2 Issue(string name, string? dnsName = null, int validDays = 30, int startDays = -60)
        => IssueFor($"CN={name}", dnsName, validDays, startDays);

    /// <summary>A certificate for a whole subject, such as <c>O=home, CN=alice</c>.</summary>
    public X509Certificate2 IssueFor(string subject, string? dnsName = null, int validDays = 30, int startDays = -60)
    {
        using ECDsa key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        CertificateRequest request = new(subject, key, HashAlgorithmName.SHA256);
        if (dnsName is not null)
        {
            SubjectAlternativeNameBuilder names = new();
            names.AddDnsName(dnsName);
            names.AddIpAddress(System.Net.IPAddress.Loopback);
            request.CertificateExtensions.Add(names.Build());
        }

        string usage = dnsName is null ? "1.3.6.1.5.5.7.3.2" : "1.3.6.1.5.5.7.3.1";
        request.CertificateExtensions.Add(new X509EnhancedKeyUsageExtension([new Oid(usage)], false));
        DateTimeOffset now = DateTimeOffset.UtcNow;
        using X509Certificate2 bare = request.Create(_certificate, now.AddDays(startDays), now.AddDays(validDays), BitConverter.GetBytes(++_serial));
        return bare.CopyWithPrivateKey(key);
    }

    /// <summary>Certificate and key in one text.</summary>
    public static string PemOf(X509Certificate2 certificate)
        => $"{certificate.ExportCertificatePem()}\n{KeyPemOf(certificate)}\n";

    public static string KeyPemOf(X509Certificate2 certificate)
    {
        using ECDsa key = certificate.GetECDsaPrivateKey()!;
        return key.ExportPkcs8PrivateKeyPem();
    }

    public void Dispose() => _certificate.Dispose();
}
