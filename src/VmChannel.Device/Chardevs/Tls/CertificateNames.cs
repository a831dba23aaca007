using System.Security.Cryptography.X509Certificates;

namespace VmChannel.Device.Chardevs.Tls;

/// <summary>The names a certificate bears: its common name, then its DNS names.</summary>
internal static class CertificateNames
{
    public static IReadOnlyList<string> Of(X509Certificate2 certificate)
    {
        List<string> names = [];
        string common = certificate.GetNameInfo(X509NameType.SimpleName, forIssuer: false);
        if (common.Length > 0)
        {
            names.Add(SafeName(common));
        }

        foreach (X509SubjectAlternativeNameExtension extension in certificate.Extensions.OfType<X509SubjectAlternativeNameExtension>())
        {
            names.AddRange(extension.EnumerateDnsNames().Where(name => !names.Contains(name)).Select(SafeName));
        }

        return names;
    }

    /// <summary>It goes into log lines: what could play tricks there is shown as a question mark.</summary>
    private static string SafeName(string name)
        => string.Concat(name.Take(255).Select(letter => char.IsControl(letter) || char.IsSurrogate(letter) || char.GetUnicodeCategory(letter) == System.Globalization.UnicodeCategory.Format ? '?' : letter));
}
