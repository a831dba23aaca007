using System.Globalization;
using VmChannel.Device.Channels;
using VmChannel.Device.Chardevs.Tls;
using VmChannel.Device.Chardevs.WebSockets;
using VmChannel.Native;

namespace VmChannel.Device.Chardevs;

/// <summary>A chardev as it was asked for. Immutable; nothing is opened yet.</summary>
public abstract record ChardevSpec
{
    private ChardevSpec()
    {
    }

    /// <summary>Both listen at one address, which only one can at a time.</summary>
    public bool SharesListenerWith(ChardevSpec? other) => (this, other) switch
    {
        (Unix { IsServer: true } one, Unix { IsServer: true } two) => one.Address.Equals(two.Address),
        (Tcp { IsServer: true, Address.Port: > 0 } one, Tcp { IsServer: true } two)
            => (one.Address.Host, one.Address.Port) == (two.Address.Host, two.Address.Port),
        _ => false,
    };

    /// <summary>A server that runs can become the other where it is, because nothing differs but whom it takes as clients.</summary>
    public bool DiffersInClientsOnly(ChardevSpec? other) => (this, other) switch
    {
        (Unix { IsServer: true } one, Unix two)
            => one with { Clients = two.Clients, Allow = two.Allow, WaitsForClient = two.WaitsForClient } == two,
        (Tcp { IsServer: true, Tls: null, WebSocket: null } one, Tcp two)
            => one with { Clients = two.Clients, WaitsForClient = two.WaitsForClient } == two,
        _ => false,
    };

    /// <summary>A unix socket.</summary>
    /// <param name="Address">Where.</param>
    /// <param name="IsServer">We listen; otherwise we connect.</param>
    /// <param name="WaitsForClient">The device is offered only after the first client came.</param>
    /// <param name="Reconnect">Time between a client's attempts; null = one attempt.</param>
    public sealed record Unix(UnixAddress Address, bool IsServer, bool WaitsForClient, TimeSpan? Reconnect) : ChardevSpec
    {
        /// <summary>How many clients a server takes.</summary>
        public ClientsSpec Clients { get; init; } = ClientsSpec.Single;

        /// <summary>Whom a server takes as a client; null = whom the socket file's mode admits.</summary>
        public PeerPolicy? Allow { get; init; }

        public override string ToString() => $"unix:{Address}";
    }

    /// <summary>A TCP socket.</summary>
    public sealed record Tcp(TcpAddress Address, bool IsServer, bool WaitsForClient, TimeSpan? Reconnect, bool NoDelay) : ChardevSpec
    {
        /// <summary>How many clients a server takes.</summary>
        public ClientsSpec Clients { get; init; } = ClientsSpec.Single;

        /// <summary>TLS on it; null = none.</summary>
        public TlsSpec? Tls { get; init; }

        /// <summary>WebSocket on it, or on its TLS; null = the bytes are the channel's.</summary>
        public WebSocketSpec? WebSocket { get; init; }

        public override string ToString() => (WebSocket, Tls) switch
        {
            (null, null) => $"tcp:{Address}",
            (null, _) => $"tcp:{Address} with TLS",
            (_, null) => $"ws:{Address}{WebSocket.Path}",
            _ => $"wss:{Address}{WebSocket.Path}",
        };
    }

    /// <summary>A new pseudo-terminal.</summary>
    /// <param name="Link">A symbolic link to its slave; null = none.</param>
    public sealed record Pty(string? Link) : ChardevSpec
    {
        public override string ToString() => Link is null ? "pty" : $"pty:{Link}";
    }

    /// <summary>A file for the guest's output, and perhaps another for its input.</summary>
    public sealed record OutputFile(string Path, bool Append, string? InputPath) : ChardevSpec
    {
        public override string ToString() => $"file:{Path}";
    }

    /// <summary>Two FIFOs, or one.</summary>
    public sealed record Pipe(string Path) : ChardevSpec
    {
        public override string ToString() => $"pipe:{Path}";
    }

    /// <summary>This process's own standard input and output.</summary>
    /// <param name="Signals">Ctrl-C still stops this process instead of reaching the guest.</param>
    public sealed record Stdio(bool Signals) : ChardevSpec
    {
        public override string ToString() => "stdio";
    }

    /// <summary>Takes everything, gives nothing.</summary>
    public sealed record Null : ChardevSpec
    {
        public override string ToString() => "null";
    }

    /// <summary>An inherited descriptor.</summary>
    public sealed record Fd(int Number) : ChardevSpec
    {
        public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"fd:{Number}");
    }
}
