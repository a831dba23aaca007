using System.Net.Security;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;
using Microsoft.Extensions.Logging;
using VmChannel.Device.Channels;

namespace VmChannel.Device.Chardevs.Tls;

/// <summary>Makes TLS connections (1.2 or later) of plain ones, as a <see cref="TlsSpec"/> asks for. Pool threads.</summary>
/// <remarks>Renewed files are used from the next connection on; ones that make no sense are told once and the old ones stay in use.</remarks>
internal sealed partial class TlsLayer(TlsSpec spec, string host, bool isServer, string description, ILogger log)
{
    private readonly string[]? _allowed = spec.AllowedNames?.Split(TlsOptions.Separator, StringSplitOptions.RemoveEmptyEntries);
    private readonly Lock _lock = new();
    private PemFiles? _files;
    private FileStamps _lastTried;
    private string? _lastTold;

#pragma warning disable CA5398 // what the system allows may be older
    private static SslProtocols Versions => SslProtocols.Tls12 | SslProtocols.Tls13;
#pragma warning restore CA5398

    /// <summary>Once, before anything else.</summary>
    /// <exception cref="HostEndException">A file cannot be used.</exception>
    public void Start()
    {
        try
        {
            _files = PemFiles.Read(spec);
            _lastTried = _files.Stamps;
        }
        catch (HostEndException e)
        {
            throw new HostEndException($"{description}: {e.Message}", e);
        }
    }

    /// <summary>Shakes hands. <paramref name="plain"/> is the result's from here on.</summary>
    /// <returns>The stream, and the name of the peer if its certificate says one.</returns>
    /// <exception cref="AuthenticationException">The peer is refused, or refuses; the message says why.</exception>
    public async Task<(SslStream Stream, string? Name)> AuthenticateAsync(Stream plain, CancellationToken cancellation)
    {
        PemFiles files = Renew();
        SslStream stream = new(plain);
        string? refusal = null;
        bool Validate(object sender, X509Certificate? certificate, X509Chain? chain, SslPolicyErrors errors)
        {
            refusal = FindFault(certificate as X509Certificate2, chain, errors);
            return refusal is null;
        }

        try
        {
            await (isServer ? AsServerAsync(stream, files, Validate, cancellation) : AsClientAsync(stream, files, Validate, cancellation));
            return (stream, stream.RemoteCertificate is X509Certificate2 peer && CertificateNames.Of(peer) is [string first, ..] ? first : null);
        }
        catch (Exception e)
        {
            await stream.DisposeAsync();
            throw e is AuthenticationException ? new AuthenticationException(refusal ?? e.InnerException?.Message ?? e.Message, e) : e;
        }
    }

    private static Task AsServerAsync(SslStream stream, PemFiles files, RemoteCertificateValidationCallback validate, CancellationToken cancellation)
        => stream.AuthenticateAsServerAsync(
            new SslServerAuthenticationOptions
            {
                ServerCertificateContext = files.Certificate,
                EnabledSslProtocols = Versions,
                ClientCertificateRequired = files.Authorities is not null,
                CertificateChainPolicy = Policy(files),
                RemoteCertificateValidationCallback = files.Authorities is null ? null : validate,
            },
            cancellation);

    private Task AsClientAsync(SslStream stream, PemFiles files, RemoteCertificateValidationCallback validate, CancellationToken cancellation)
        => stream.AuthenticateAsClientAsync(
            new SslClientAuthenticationOptions
            {
                TargetHost = spec.ServerName ?? host,
                EnabledSslProtocols = Versions,
                ClientCertificateContext = files.Certificate,
                CertificateChainPolicy = Policy(files),
                RemoteCertificateValidationCallback = validate,
            },
            cancellation);

    private static X509ChainPolicy? Policy(PemFiles files)
    {
        if (files.Authorities is null)
        {
            return null;
        }

        X509ChainPolicy policy = new()
        {
            TrustMode = X509ChainTrustMode.CustomRootTrust,
            RevocationMode = X509RevocationMode.NoCheck,
            DisableCertificateDownloads = true,
        };
        policy.CustomTrustStore.AddRange(files.Authorities);
        return policy;
    }

    /// <summary>Why this peer is refused, or null.</summary>
    private string? FindFault(X509Certificate2? certificate, X509Chain? chain, SslPolicyErrors errors)
    {
        if (certificate is null || errors.HasFlag(SslPolicyErrors.RemoteCertificateNotAvailable))
        {
            return isServer ? "it has no certificate, and tls-ca= demands one" : "the server has no certificate";
        }

        string whose = string.Join(", ", CertificateNames.Of(certificate));
        if (errors.HasFlag(SslPolicyErrors.RemoteCertificateNameMismatch))
        {
            return $"the server's certificate is for {whose} and not for {spec.ServerName ?? host}: say the right name with tls-name=";
        }

        if (errors.HasFlag(SslPolicyErrors.RemoteCertificateChainErrors))
        {
            string reasons = string.Join(", ", chain?.ChainStatus.Select(status => status.StatusInformation).Distinct() ?? []);
            return $"its certificate, for {whose}, is not valid here: {reasons}";
        }

        return _allowed is null || CertificateNames.Of(certificate).Any(_allowed.Contains)
            ? null
            : $"its certificate is for {whose}, which tls-allow= does not name";
    }

    private PemFiles Renew()
    {
        FileStamps now = FileStamps.Take(spec);
        lock (_lock)
        {
            PemFiles files = _files ?? throw new InvalidOperationException("started first");
            if (now == _lastTried)
            {
                return files;
            }

            _lastTried = now;
            try
            {
                _files = PemFiles.Read(spec);
                _lastTold = null;
                LogRenewed(log, description);
            }
            catch (HostEndException e)
            {
                if (e.InnerException is IOException or UnauthorizedAccessException)
                {
                    // Whoever renews them may give them to this user last, which leaves no stamp.
                    _lastTried = files.Stamps;
                }

                if (_lastTold != e.Message)
                {
                    _lastTold = e.Message;
                    LogNotRenewed(log, description, e.Message);
                }
            }

            return _files;
        }
    }

    [LoggerMessage(94, LogLevel.Information, "{Chardev}: certificate files have changed: the new ones are used from now on")]
    private static partial void LogRenewed(ILogger log, string chardev);

    [LoggerMessage(95, LogLevel.Warning, "{Chardev}: certificate files have changed, but {Reason}; the old ones stay in use")]
    private static partial void LogNotRenewed(ILogger log, string chardev, string reason);
}
