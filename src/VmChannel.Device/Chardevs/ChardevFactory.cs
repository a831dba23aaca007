using Microsoft.Extensions.Logging;
using VmChannel.Device.Channels;
using VmChannel.Device.Chardevs.Streams;
using VmChannel.Device.Chardevs.WebSockets;
using VmChannel.Device.Loop;

namespace VmChannel.Device.Chardevs;

/// <summary>Makes the host end a specification asks for. Nothing is opened before its start.</summary>
public static class ChardevFactory
{
    /// <param name="spec">What was asked for.</param>
    /// <param name="loop">The loop that serves it.</param>
    /// <param name="log">Receives what goes wrong.</param>
    /// <param name="webSockets">Takes the requests of WebSocket clients; null: a WebSocket server cannot be made.</param>
    /// <exception cref="HostEndException">It cannot be made here.</exception>
    public static HostEnd Create(ChardevSpec spec, DeviceLoop loop, ILogger log, IWebSocketServer? webSockets = null) => spec switch
    {
        ChardevSpec.Unix { IsServer: true } unix => new UnixServer(loop, unix.Address, unix.WaitsForClient, log) { Allow = unix.Allow, Clients = unix.Clients },
        ChardevSpec.Unix unix => new UnixClient(loop, unix.Address, unix.Reconnect, log),
        ChardevSpec.Tcp { Tls: not null } or ChardevSpec.Tcp { WebSocket: not null } => StreamChardev.Create((ChardevSpec.Tcp)spec, loop, log, webSockets),
        ChardevSpec.Tcp { IsServer: true } tcp => new TcpServer(loop, tcp.Address, tcp.NoDelay, tcp.WaitsForClient, log) { Clients = tcp.Clients },
        ChardevSpec.Tcp tcp => new TcpClient(loop, tcp.Address, tcp.NoDelay, tcp.Reconnect, log),
        ChardevSpec.Pty pty => new PtyChardev(loop, pty.Link, log),
        ChardevSpec.OutputFile file => new FileChardev(loop, file.Path, file.Append, file.InputPath, log),
        ChardevSpec.Pipe pipe => new PipeChardev(loop, pipe.Path, log),
        ChardevSpec.Stdio stdio => new StdioChardev(loop, stdio.Signals, log),
        ChardevSpec.Null => new NullChardev(),
        ChardevSpec.Fd fd => new FdChardev(loop, fd.Number, log),
        _ => throw new ArgumentOutOfRangeException(nameof(spec), spec, "no chardev of this kind"),
    };

    /// <summary>Lets a running server take the clients that a changed specification asks for. Those who are connected stay as they are.</summary>
    /// <param name="running">Made of a specification that <see cref="ChardevSpec.DiffersInClientsOnly"/> from this one.</param>
    /// <param name="changed">What was asked for.</param>
    /// <exception cref="HostEndException">The socket file's mode cannot be changed; nothing has changed then.</exception>
    public static void Adapt(HostEnd running, ChardevSpec changed)
    {
        switch (running, changed)
        {
            case (UnixServer server, ChardevSpec.Unix unix):
                server.Admit(unix.Allow);
                server.Take(unix.Clients);
                break;
            case (TcpServer server, ChardevSpec.Tcp tcp):
                server.Take(tcp.Clients);
                break;
            default:
                throw new ArgumentOutOfRangeException(nameof(changed), changed, "no server of this kind is running");
        }
    }
}
