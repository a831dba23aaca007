using System.Globalization;
using System.Net.Sockets;
using System.Net.WebSockets;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Microsoft.AspNetCore.Connections.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.WebSockets;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;
using VmChannel.Cli.Serve;
using VmChannel.Control;
using VmChannel.Device.Chardevs;
using VmChannel.Device.Ports;
using VmChannel.Native;
using ClientAccess = VmChannel.Device.Channels.ClientAccess;

namespace VmChannel.Cli.Control;

/// <summary><c>GET …/attach</c>: the connection becomes a WebSocket (RFC 6455), and that a client of the port.</summary>
/// <remarks>
/// Messages, binary or text, are a byte stream: where one ends means nothing, and an empty one says that its sender has no more,
/// which WebSockets have no word of their own for. Closing leaves.
/// </remarks>
internal static class AttachRoute
{
    private const int SolSocket = 1;
    private const int SoPeerCred = 17;

    private static readonly (string Word, ClientAccess Access)[] Accesses =
    [
        ("shared", ClientAccess.Shared), ("writer", ClientAccess.Writer), ("observer", ClientAccess.Observer), ("queued", ClientAccess.Queued),
    ];

    public static Task HandleAsync(ControlCall call)
        => new WebSocketMiddleware(_ => AnswerAsync(call), Options.Create(new Microsoft.AspNetCore.Builder.WebSocketOptions()), NullLoggerFactory.Instance)
            .Invoke(call.Http);

    private static async Task AnswerAsync(ControlCall call)
    {
        HttpContext http = call.Http;
        VmHost vm = call.Vm;
        ServedPort port = call.Port;
        ClientAccess access = ReadAccess(http.Request.Query["access"].ToString());
        bool untilGuestCloses = ReadUntil(http.Request.Query["until"].ToString());
        if (!http.WebSockets.IsWebSocketRequest)
        {
            http.Response.Headers.Upgrade = "websocket";
            throw new ProblemException(
                StatusCodes.Status426UpgradeRequired, "a WebSocket is needed", "attaching needs a WebSocket: ask with Connection: Upgrade, Upgrade: websocket");
        }

        (FileDescriptor ours, FileDescriptor theirs) = UnixSocket.Pair();
        using Socket channel = new(new SafeSocketHandle(ours.Number, ownsHandle: true));
        ours.SetHandleAsInvalid();
        int id = 0;
        ConnectedChardev? attached = null;
        if (!await vm.UseAsync(port, (device, plugged) => id = device.Attach(plugged, theirs, Describe(http), access, untilGuestCloses, out attached)))
        {
            theirs.Dispose();
            throw PortNames.Gone(port);
        }

        // Who is slow is held back, or dropped by the channel: rates are no business of the web server's.
        call.AllowSlowReader();
        call.AllowSlowSender();
        http.Response.Headers[AttachedPort.ClientHeader] = id.ToString(CultureInfo.InvariantCulture);
        using WebSocket socket = await http.WebSockets.AcceptWebSocketAsync();
        using AttachedClient client = new(socket, channel, () => WhyEnded(call, vm, port, attached!));
        await client.RunAsync(call.Cancellation);
    }

    private static ClientAccess ReadAccess(string word)
        => word.Length == 0 ? ClientAccess.Shared
            : Array.Find(Accesses, known => known.Word == word) is { Word: not null } found ? found.Access
            : throw new ProblemException(
                StatusCodes.Status400BadRequest, "bad query", $"access={word}: shared, writer, observer or queued is needed");

    private static bool ReadUntil(string word) => word switch
    {
        "" or "port-end" => false,
        "guest-close" => true,
        _ => throw new ProblemException(
            StatusCodes.Status400BadRequest, "bad query", $"until={word}: port-end or guest-close is needed"),
    };

    private static string Describe(HttpContext http)
    {
        Socket? connection = http.Features.Get<IConnectionSocketFeature>()?.Socket;
        if (connection?.AddressFamily != AddressFamily.Unix)
        {
            return $"control API, {http.Connection.RemoteIpAddress}";
        }

        Span<byte> peer = stackalloc byte[Unsafe.SizeOf<PeerCredentials>()];
        return connection.GetRawSocketOption(SolSocket, SoPeerCred, peer) == peer.Length && MemoryMarshal.Read<PeerCredentials>(peer) is { Pid: > 0 } who
            ? $"control API, process {who.Pid} (user {who.Uid})"
            : "control API";
    }

    private static string WhyEnded(ControlCall call, VmHost vm, ServedPort port, ConnectedChardev attached)
        => call.Server.Find(vm.Name) != vm || call.Cancellation.IsCancellationRequested ? "the server has stopped to serve it"
            : vm.Ports[port.Plan.Spec.Number]?.Port != port.Port ? "it was unplugged"
            : attached.EndReason == Port.GuestClosed ? AttachedPort.GuestClosed
            : attached.EndReason ?? "the channel sent this client away: it was too slow (see buffer=)";
}
