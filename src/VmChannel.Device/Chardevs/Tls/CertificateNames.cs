using System.Security.Cryptography.X509Certificates;

namespace VmChannel.Device.Chardevs.Tls;

/// <summary>The names a certificate bears: its common name, then its DNS names.</summary>
internal static class CertificateNames
{
    /// <summary>Object identifier of the attribute "common name".</summary>
    private const string CommonName = "2.5.4.3";

    public static IReadOnlyList<string> Of(X509Certificate2 certificate)
    {
        // Not GetNameInfo: without a common name it makes do with a unit or an e-mail address, which nobody vouched for as a name.
        List<string> names =
        [
            .. certificate.SubjectName.EnumerateRelativeDistinguishedNames()
                .Where(part => !part.HasMultipleElements && part.GetSingleElementType().Value == CommonName)
                .Select(part => part.GetSingleElementValue())
                .OfType<string>()
                .Select(SafeName),
        ];

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
