namespace VmChannel.Device.Chardevs.Tls;

/// <summary>TLS on a stream chardev, as it was asked for (<c>tls=on</c> and the <c>tls-…=</c> keys). Files are PEM.</summary>
/// <param name="CertificatePath">Our certificate, with those between it and its authority after it; null = none, for a client only.</param>
/// <param name="KeyPath">Its private key; null = it is in the certificate's file.</param>
/// <param name="AuthorityPath">
/// Authorities that the other side's certificate has to come from. Null: a client trusts the system's, a server asks for no certificate.
/// </param>
/// <param name="ServerName">The name that the server's certificate has to bear; null = the host connected to.</param>
/// <param name="AllowedNames">Names, joined by slashes, of which a client's certificate has to bear one; null = any.</param>
public sealed record TlsSpec(string? CertificatePath, string? KeyPath, string? AuthorityPath, string? ServerName, string? AllowedNames);
