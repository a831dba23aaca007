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
    private readonly LogLimit _refusalLimit = new();
    [SuppressMessage("Usage", "CA2213", Justification = "StopListening disposes it")]
    private UnixListener? _listener;
    private PeerPolicy? _allow;
    private PeerPolicy? _strict;

    public override string Description { get; } = $"unix:{address}";

    /// <summary>Whom it takes as a client; null = whom the socket file's mode admits, which is its owner.</summary>
    public PeerPolicy? Allow
    {
        get => _allow;
        init => _allow = value;
    }

    /// <summary>Others may be clients from now on. Those who are connected stay.</summary>
    /// <exception cref="HostEndException">The socket file's mode cannot be changed; nothing has changed then.</exception>
    public void Admit(PeerPolicy? allow)
    {
        if ((allow is null) != (_allow is null) && _listener?.TryAdmit(isForAll: allow is not null) is string reason)
        {
            throw new HostEndException($"{Description} {reason}");
        }

        // Strangers may still wait in the listen queue, since the file was everybody's.
        _strict ??= _allow is not null && !address.IsAbstract ? PeerPolicy.ForUsers(0, FileOwnership.EffectiveUser) : null;
        _allow = allow;
    }

    protected override FileDescriptor Listen()
    {
        _listener = UnixListener.TryOpen(address, Backlog, out string? reason, isForAll: Allow is not null)
            ?? throw new HostEndException($"{Description} {reason}");
        return _listener.Socket;
    }

    protected override string? Welcome(FileDescriptor client)
    {
        bool isKnown = UnixSocket.GetPeerCredentials(client, out PeerCredentials peer).IsSuccess;
        if ((_allow ?? _strict) is { } policy && !(isKnown && Admits(policy, client, peer)))
        {
            string who = $"process {peer.Pid} (user {peer.Uid}, group {peer.Gid})";
            if (_refusalLimit.Pass(out long swallowed))
            {
                ChardevLog.Refused(Log, Description, who, policy, swallowed == 0 ? "" : $" ({swallowed} lines like this were left out)");
            }

            CountRefused($"{who} is not among allow={policy}");
            return null;
        }

        return isKnown && peer.Pid > 0 ? $"{Description} (process {peer.Pid}, user {peer.Uid})" : Description;
    }

    protected override void StopListening()
    {
        base.StopListening();
        _listener?.Dispose();
        _listener = null;
    }

    private static bool Admits(PeerPolicy policy, FileDescriptor client, PeerCredentials peer)
    {
        _ = UnixSocket.GetPeerGroups(client, out uint[] groups);
        return policy.Admits(peer, groups);
    }
}
