using VmChannel.Device.Channels;
using VmChannel.Device.Chardevs.Tls;
using VmChannel.Device.Chardevs.WebSockets;
using VmChannel.Native;

namespace VmChannel.Device.Chardevs;

/// <summary>What the keys of a socket chardev mean together.</summary>
internal static class SocketOptions
{
    private const int LongestRetryMs = 24 * 60 * 60 * 1000;

    private static readonly string[] UnixOnly = ["abstract", "tight", "allow"];
    private static readonly string[] TcpOnly = ["port", "nodelay", "ipv4", "ipv6", "origin", TlsOptions.Switch, WebSocketOptions.Switch, .. TlsOptions.TextKeys];
    private static readonly string[] SocketOnly = ["server", "wait", "reconnect", "reconnect-ms", "clients", "mode", "writers"];

    /// <summary>QEMU's <c>socket</c>: which one it is follows from path=, host= or fd=.</summary>
    public static ChardevSpec? Any(ChardevValues values)
    {
        switch (values.Has("path"), values.Has("host") || values.Has("port"), values.Has("fd"))
        {
            case (true, false, false):
                Refuse(values, TcpOnly, "path=");
                return Unix(values);
            case (false, true, false):
                Refuse(values, UnixOnly, "host=");
                return Tcp(values);
            case (false, false, true):
                Refuse(values, [.. UnixOnly, .. TcpOnly, .. SocketOnly], "fd=");
                return new ChardevSpec.Fd(values.Number("fd", int.MaxValue));
            case (false, false, false):
                values.Fail("path is missing: write path=PATH for a unix socket, host=HOST,port=N for TCP, or fd=N");
                return null;
            default:
                values.Fail("path=, host= and fd= exclude each other: give one");
                return null;
        }
    }

    public static ChardevSpec? Unix(ChardevValues values)
    {
        string path = values.Text("path", "PATH");
        bool isAbstract = values.Switch("abstract", false);
        bool isServer = IsServer(values, out bool waits, out TimeSpan? reconnect);
        bool isTight = values.Switch("tight", true);
        ClientsSpec clients = Clients(values, isServer);
        PeerPolicy? allow = Allow(values, isServer);
        if (values.Error is not null)
        {
            return null;
        }

        if (!UnixAddress.TryCreate(path, isAbstract, isTight, out UnixAddress? address, out string? reason))
        {
            values.Fail($"path={path} {reason}");
            return null;
        }

        return new ChardevSpec.Unix(address, isServer, waits, reconnect) { Clients = clients, Allow = allow };
    }

    public static ChardevSpec.Tcp Tcp(ChardevValues values)
    {
        bool isWebSocket = values.Switch(WebSocketOptions.Switch, false);
        if (!isWebSocket && values.Has("origin"))
        {
            values.Fail("origin= is for a WebSocket: add websocket=on");
        }

        return Tcp(values, isSecure: false, isWebSocket, path: null);
    }

    public static ChardevSpec.Tcp WebSocket(ChardevValues values, bool isSecure)
        => Tcp(values, isSecure, isWebSocket: true, values.OptionalText("path"));

    private static ChardevSpec.Tcp Tcp(ChardevValues values, bool isSecure, bool isWebSocket, string? path)
    {
        bool isServer = IsServer(values, out bool waits, out TimeSpan? reconnect);
        ClientsSpec clients = Clients(values, isServer);

        // A server may have an empty host, which means all addresses: QEMU's tcp::4444,server.
        string host = isServer ? values.Raw("host") : values.Text("host", "HOST");
        int port = values.Number("port", ushort.MaxValue);
        if (port == 0 && !isServer)
        {
            values.Fail("port=0: a client needs the server's port");
        }

        TcpAddress address = new(host, port, values.Switch("ipv4", true), values.Switch("ipv6", true));
        if (!address.UseIpv4 && !address.UseIpv6)
        {
            values.Fail("ipv4=off and ipv6=off leave nothing");
        }

        ChardevSpec.Tcp spec = new(address, isServer, waits, reconnect, values.Switch("nodelay", false))
        {
            Clients = clients,
            Tls = TlsOptions.Read(values, isServer, isSecure),
            WebSocket = isWebSocket ? WebSocketOptions.Read(values, isServer, path) : null,
        };
        if (spec.Clients.Count > 1 && (spec.Tls is not null || isWebSocket))
        {
            values.Fail("clients= does not go with TLS or WebSocket: one client is served at a time, and the others wait; leave it out");
        }

        return spec;
    }

    private static bool IsServer(ChardevValues values, out bool waits, out TimeSpan? reconnect)
    {
        bool isServer = values.Switch("server", false);
        waits = values.Switch("wait", false);
        reconnect = null;
        if (values.Has("reconnect") && values.Has("reconnect-ms"))
        {
            values.Fail("reconnect= and reconnect-ms= exclude each other: use reconnect-ms=");
        }
        else if (values.Has("reconnect-ms"))
        {
            reconnect = Retry(values.Number("reconnect-ms", LongestRetryMs));
        }
        else if (values.Has("reconnect"))
        {
            reconnect = Retry(1000 * values.Number("reconnect", LongestRetryMs / 1000));
        }

        if (waits && !isServer)
        {
            values.Fail("wait=on is for a server: add server=on, or use reconnect-ms= to wait for one");
        }

        if (reconnect is not null && isServer)
        {
            values.Fail("reconnect-ms= is for a client: a server takes the next client anyway");
        }

        return isServer;
    }

    private static ClientsSpec Clients(ChardevValues values, bool isServer)
    {
        if (!isServer)
        {
            Refuse(values, ["clients", "mode", "writers"], "a client, only with a server: add server=on");
            return ClientsSpec.Single;
        }

        int count = values.Has("clients") ? values.Number("clients", ClientsSpec.MaxCount, least: 1) : 1;
        bool isBroadcast = values.Word("mode", "first", "broadcast") == "broadcast";
        bool allMayWrite = values.Word("writers", "one", "all") == "all";
        if (isBroadcast && count == 1)
        {
            values.Fail("mode=broadcast is for several clients: add clients=N");
        }

        if (allMayWrite && !isBroadcast)
        {
            values.Fail("writers=all goes with mode=broadcast: otherwise one client is served at a time");
        }

        return new(count, isBroadcast ? ClientMode.Broadcast : ClientMode.First, allMayWrite);
    }

    private static PeerPolicy? Allow(ChardevValues values, bool isServer)
    {
        if (!isServer)
        {
            Refuse(values, ["allow"], "a client, only with a server: add server=on");
            return null;
        }

        if (values.OptionalText("allow") is not string text || values.Error is not null)
        {
            return null;
        }

        if (!PeerPolicy.TryParse(text, out PeerPolicy? policy, out string? error))
        {
            values.Fail($"allow={text}: {error}");
        }

        return policy;
    }

    private static TimeSpan? Retry(int milliseconds) => milliseconds == 0 ? null : TimeSpan.FromMilliseconds(milliseconds);

    private static void Refuse(ChardevValues values, IEnumerable<string> keys, string other)
    {
        foreach (string key in keys.Where(values.Has))
        {
            values.Fail($"{key}= does not go with {other}");
        }
    }
}
