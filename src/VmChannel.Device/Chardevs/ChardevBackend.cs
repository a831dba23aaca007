using VmChannel.Device.Chardevs.Tls;
using VmChannel.Device.Chardevs.WebSockets;

namespace VmChannel.Device.Chardevs;

/// <summary>A kind of chardev as option strings know it.</summary>
/// <param name="Name">First word of the key=value form, and prefix of the short one.</param>
/// <param name="Short">What follows the colon of the short form; null when there is no short form with a colon.</param>
/// <param name="TextKeys">Keys with a value.</param>
/// <param name="SwitchKeys">Keys that are on or off; the bare word means on, with "no" before it off.</param>
internal sealed record ChardevBackend(string Name, string? Short, IReadOnlyList<string> TextKeys, IReadOnlyList<string> SwitchKeys)
{
    public static IReadOnlyList<ChardevBackend> All { get; } =
    [
        new("unix", "PATH", ["path", "reconnect", "reconnect-ms", "clients", "mode", "writers", "allow"], ["server", "wait", "abstract", "tight"]),
        new(
            "tcp",
            "HOST:PORT",
            ["host", "port", "reconnect", "reconnect-ms", "clients", "mode", "writers", "origin", .. TlsOptions.TextKeys],
            ["server", "wait", "nodelay", "ipv4", "ipv6", TlsOptions.Switch, WebSocketOptions.Switch]),
        WebSocket("ws"),
        WebSocket("wss"),
        new(
            "socket",
            null,
            ["path", "host", "port", "fd", "reconnect", "reconnect-ms", "clients", "mode", "writers", "allow", "origin", .. TlsOptions.TextKeys],
            ["server", "wait", "abstract", "tight", "nodelay", "ipv4", "ipv6", TlsOptions.Switch, WebSocketOptions.Switch]),
        new("pty", "LINK", ["path"], []),
        new("file", "PATH", ["path", "input-path"], ["append"]),
        new("pipe", "PATH", ["path"], []),
        new("stdio", null, [], ["signal"]),
        new("null", null, [], []),
        new("fd", "N", ["fd"], []),
    ];

    public static IReadOnlyList<string> Names { get; } = [.. All.Select(backend => backend.Name)];

    public IReadOnlyList<string> Keys { get; } = [.. TextKeys, .. SwitchKeys];

    /// <summary>What joins the values of a key that may be given again; null when a key may not.</summary>
    public static char? Separator(string key) => key switch
    {
        "allow" => PeerPolicy.Separator,
        "tls-allow" => TlsOptions.Separator,
        "origin" => WebSocketOptions.Separator,
        _ => null,
    };

    private static ChardevBackend WebSocket(string name) => new(
        name,
        "HOST:PORT/PATH",
        ["host", "port", "path", "reconnect", "reconnect-ms", "clients", "mode", "writers", "origin", .. TlsOptions.TextKeys],
        ["server", "wait", "ipv4", "ipv6", TlsOptions.Switch]);

    public static ChardevBackend? Find(string name) => All.FirstOrDefault(backend => backend.Name == name);

    /// <summary>The key a word sets: its own, or the switch that a bare word turns on or off. Null when there is none.</summary>
    /// <param name="word">A word of the option string.</param>
    /// <param name="value">What it is set to.</param>
    public string? KeyOf(OptionWord word, out string value)
    {
        value = word.Value;
        if (word.Key is not null)
        {
            return Keys.Contains(word.Key) ? word.Key : null;
        }

        value = "on";
        if (SwitchKeys.Contains(word.Value))
        {
            return word.Value;
        }

        value = "off";
        return word.Value.StartsWith("no", StringComparison.Ordinal) && SwitchKeys.Contains(word.Value[2..]) ? word.Value[2..] : null;
    }
}
