using System.Diagnostics.CodeAnalysis;
using Microsoft.Extensions.Logging;
using VmChannel.Device.Channels;
using VmChannel.Device.Loop;
using VmChannel.Native;

namespace VmChannel.Device.Chardevs;

/// <summary><c>unix:PATH,server</c>: a unix socket that a program on the host connects to.</summary>
public sealed class UnixServer(DeviceLoop loop, UnixAddress address, bool waitsForClient, ILogger log)
    : SocketServer(loop, waitsForClient, log)
{
    [SuppressMessage("Usage", "CA2213", Justification = "StopListening disposes it")]
    private UnixListener? _listener;

    public override string Description { get; } = $"unix:{address}";

    protected override FileDescriptor Listen()
    {
        _listener = UnixListener.TryOpen(address, Backlog, out string? reason)
            ?? throw new HostEndException($"{Description} {reason}");
        return _listener.Socket;
    }

    protected override string Welcome(FileDescriptor client)
        => UnixSocket.GetPeerCredentials(client, out PeerCredentials peer).IsSuccess && peer.Pid > 0
            ? $"{Description} (process {peer.Pid}, user {peer.Uid})"
            : Description;

    protected override void StopListening()
    {
        base.StopListening();
        _listener?.Dispose();
        _listener = null;
    }
}
