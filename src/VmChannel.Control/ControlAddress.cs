using System.Diagnostics.CodeAnalysis;

namespace VmChannel.Control;

/// <summary>Where a server's control API is: a unix socket, or a URL that needs a token.</summary>
public sealed record ControlAddress
{
    private ControlAddress(string? socket, Uri uri)
    {
        Socket = socket;
        Uri = uri;
    }

    /// <summary>The socket's path; null = TCP.</summary>
    public string? Socket { get; }

    /// <summary>What requests are relative to.</summary>
    public Uri Uri { get; }

    public static ControlAddress Unix(string path) => new(path, new Uri("http://localhost/"));

    /// <summary>Reads <c>/run/vm.sock</c>, <c>http://host:port</c> or <c>https://host:port</c>.</summary>
    /// <param name="text">What a person wrote.</param>
    /// <param name="address">The address when true is returned.</param>
    /// <param name="reason">Otherwise the rest of a sentence that begins with the text.</param>
    public static bool TryParse(string text, [NotNullWhen(true)] out ControlAddress? address, [NotNullWhen(false)] out string? reason)
    {
        address = null;
        reason = null;
        if (!text.Contains("://", StringComparison.Ordinal))
        {
            reason = text.Length == 0 ? "is empty" : null;
            address = reason is null ? Unix(text) : null;
            return reason is null;
        }

        if (!Uri.TryCreate(text.EndsWith('/') ? text : text + "/", UriKind.Absolute, out Uri? uri) || uri.Scheme is not ("http" or "https"))
        {
            reason = "is neither a socket's path nor a URL such as http://127.0.0.1:9999";
            return false;
        }

        address = new(null, uri);
        return true;
    }

    public override string ToString() => Socket ?? Uri.ToString().TrimEnd('/');
}
