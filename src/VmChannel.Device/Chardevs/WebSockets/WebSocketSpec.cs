namespace VmChannel.Device.Chardevs.WebSockets;

/// <summary>WebSocket on a stream chardev, as it was asked for.</summary>
/// <param name="Path">What is asked for in the request, from the slash on; null = anything, for a server, and <c>/</c> for a client.</param>
/// <param name="Origins">Web origins, joined by blanks, whose pages may connect besides those from this very server; <c>*</c> = all; null = none.</param>
public sealed record WebSocketSpec(string? Path, string? Origins)
{
    /// <summary>The subprotocol that is offered and accepted: what noVNC and xterm.js users speak.</summary>
    public const string Protocol = "binary";

    /// <summary>A page of this origin may connect.</summary>
    /// <param name="origin">The request's Origin field; null from programs that are no browser.</param>
    /// <param name="host">The request's Host field.</param>
    public bool Allows(string? origin, string host)
        => origin is null
            || (Uri.TryCreate(origin, UriKind.Absolute, out Uri? page) && page.Authority.Equals(WithoutDefaultPort(page, host), StringComparison.OrdinalIgnoreCase))
            || (Origins is not null && Origins.Split(WebSocketOptions.Separator).Any(allowed => allowed == "*" || allowed.Equals(origin, StringComparison.OrdinalIgnoreCase)));

    private static string WithoutDefaultPort(Uri page, string host)
    {
        string suffix = $":{page.Port}";
        return page.IsDefaultPort && host.EndsWith(suffix, StringComparison.Ordinal) ? host[..^suffix.Length] : host;
    }
}
