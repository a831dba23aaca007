namespace VmChannel.Device.Chardevs.WebSockets;

/// <summary>What the keys of a WebSocket chardev mean together.</summary>
internal static class WebSocketOptions
{
    /// <summary>QEMU's word on a socket chardev.</summary>
    public const string Switch = "websocket";

    /// <summary>Between the origins of <c>origin=</c>.</summary>
    public const char Separator = ' ';

    /// <summary>A WebSocket, whatever the chardev's kind.</summary>
    /// <param name="values">The chardev's.</param>
    /// <param name="isServer">We listen.</param>
    /// <param name="path">What the request asks for; null = not said.</param>
    public static WebSocketSpec Read(ChardevValues values, bool isServer, string? path)
    {
        string? origins = values.OptionalText("origin");
        if (path is not null && (path[0] != '/' || path.Any(letter => letter is < '!' or > '~' or '?' or '#')))
        {
            values.Fail($"path={path}: a request's path begins with a slash and has neither blanks, ? nor #");
        }

        if (origins is not null && !isServer)
        {
            values.Fail("origin= is for a server: it says which web pages may connect");
        }

        foreach (string origin in origins?.Split(Separator) ?? [])
        {
            if (origin != "*" && !(Uri.TryCreate(origin, UriKind.Absolute, out Uri? page) && page.Authority.Length > 0 && page.AbsolutePath == "/" && !origin.EndsWith('/')))
            {
                values.Fail($"origin={origin}: write it as browsers do, such as https://vnc.example.org, or * for all; several are joined by a blank");
            }
        }

        return new WebSocketSpec(path, origins);
    }
}
