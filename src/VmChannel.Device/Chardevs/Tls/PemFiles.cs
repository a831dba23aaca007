using System.Globalization;
using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using VmChannel.Device.Channels;

namespace VmChannel.Device.Chardevs.Tls;

/// <summary>What the PEM files of a <see cref="TlsSpec"/> held when they were read. Immutable.</summary>
internal sealed class PemFiles
{
    private PemFiles(SslStreamCertificateContext? certificate, X509Certificate2Collection? authorities, FileStamps stamps)
    {
        Certificate = certificate;
        Authorities = authorities;
        Stamps = stamps;
    }

    /// <summary>Ours, with its chain and key.</summary>
    public SslStreamCertificateContext? Certificate { get; }

    /// <summary>Whom the other side's certificate has to come from; null = as the system has it.</summary>
    public X509Certificate2Collection? Authorities { get; }

    /// <summary>What the files looked like.</summary>
    public FileStamps Stamps { get; }

    /// <exception cref="HostEndException">A file cannot be read or makes no sense; the message begins with its key.</exception>
    public static PemFiles Read(TlsSpec spec)
    {
        // Taken first: a file that changes while it is read is read again next time.
        FileStamps stamps = FileStamps.Take(spec);
        return new(spec.CertificatePath is string path ? ReadOwn(path, spec.KeyPath) : null, ReadAuthorities(spec.AuthorityPath), stamps);
    }

    private static SslStreamCertificateContext ReadOwn(string path, string? keyPath)
    {
        string text = ReadText("tls-cert", path);
        string keyText = keyPath is null ? text : ReadText("tls-key", keyPath);
        X509Certificate2Collection chain = [];
        try
        {
            chain.ImportFromPem(text);
        }
        catch (CryptographicException e)
        {
            throw new HostEndException($"tls-cert={path}: not a certificate in PEM form: {e.Message}", e);
        }

        if (chain.Count == 0)
        {
            throw new HostEndException($"tls-cert={path}: there is no certificate in it (-----BEGIN CERTIFICATE-----)");
        }

        CheckDates(path, chain[0]);
        X509Certificate2 own = WithKey(path, text, keyPath, keyText);
        chain[0].Dispose();
        chain.RemoveAt(0);
        return SslStreamCertificateContext.Create(own, chain, offline: true);
    }

    private static X509Certificate2 WithKey(string path, string text, string? keyPath, string keyText)
    {
        string key = keyPath is null ? $"tls-cert={path}" : $"tls-key={keyPath}";
        try
        {
            return X509Certificate2.CreateFromPem(text, keyText);
        }
        catch (ArgumentException e)
        {
            throw new HostEndException($"{key}: the key does not belong to the certificate in {path}", e);
        }
        catch (CryptographicException e)
        {
            string advice = keyText.Contains("ENCRYPTED PRIVATE KEY", StringComparison.Ordinal) ? "the key has a password; store it without one"
                : keyText.Contains("PRIVATE KEY-----", StringComparison.Ordinal) ? $"the key does not belong to the certificate in {path}, or is damaged: {e.Message}"
                : keyPath is null ? "there is no private key in it: say where it is with tls-key="
                : "there is no private key in it (-----BEGIN PRIVATE KEY-----)";
            throw new HostEndException($"{key}: {advice}", e);
        }
    }

    private static void CheckDates(string path, X509Certificate2 certificate)
    {
        DateTime now = DateTime.UtcNow;
        if (certificate.NotAfter.ToUniversalTime() < now)
        {
            throw new HostEndException($"tls-cert={path}: expired on {Date(certificate.NotAfter)}: renew it");
        }

        if (certificate.NotBefore.ToUniversalTime() > now)
        {
            throw new HostEndException($"tls-cert={path}: not valid before {Date(certificate.NotBefore)}: look at this machine's clock");
        }
    }

    private static X509Certificate2Collection? ReadAuthorities(string? path)
    {
        if (path is null)
        {
            return null;
        }

        X509Certificate2Collection authorities = [];
        try
        {
            authorities.ImportFromPem(ReadText("tls-ca", path));
        }
        catch (CryptographicException e)
        {
            throw new HostEndException($"tls-ca={path}: not certificates in PEM form: {e.Message}", e);
        }

        return authorities.Count > 0
            ? authorities
            : throw new HostEndException($"tls-ca={path}: there is no certificate in it (-----BEGIN CERTIFICATE-----)");
    }

    private static string ReadText(string key, string path)
    {
        try
        {
            return File.ReadAllText(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            string reason = e switch
            {
                FileNotFoundException or DirectoryNotFoundException => "there is no such file",
                UnauthorizedAccessException => "no permission to read it",
                _ => e.Message,
            };
            throw new HostEndException($"{key}={path}: {reason}", e);
        }
    }

    private static string Date(DateTime time) => time.ToUniversalTime().ToString("yyyy-MM-dd HH:mm 'UTC'", CultureInfo.InvariantCulture);
}
