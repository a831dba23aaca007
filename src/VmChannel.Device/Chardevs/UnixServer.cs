using Microsoft.Extensions.Logging;
using VmChannel.Device.Channels;
using VmChannel.Device.Loop;
using VmChannel.Native;

namespace VmChannel.Device.Chardevs;

/// <summary><c>unix:PATH,server</c>: a unix socket that a program on the host connects to.</summary>
public sealed class UnixServer(DeviceLoop loop, UnixAddress address, bool waitsForClient, ILogger log)
    : SocketServer(loop, waitsForClient, log)
{
    private FileIdentity? _file;

    public override string Description { get; } = $"unix:{address}";

    protected override FileDescriptor Listen()
    {
        PosixResult result = StreamSocket.Listen(address, Backlog, out FileDescriptor? listener);
        if (result.Error == Errno.AddressInUse)
        {
            RemoveStale();
            result = StreamSocket.Listen(address, Backlog, out listener);
        }

        if (!result.IsSuccess)
        {
            throw new HostEndException($"{Description}: cannot listen: {result.Message}{Advice(result.Error)}");
        }

        _file = address.IsAbstract ? null : IdentityOf(address.Name, out _);
        return listener!;
    }

    protected override string Welcome(FileDescriptor client)
        => UnixSocket.GetPeerCredentials(client, out PeerCredentials peer).IsSuccess && peer.Pid > 0
            ? $"{Description} (process {peer.Pid}, user {peer.Uid})"
            : Description;

    protected override void Dispose(bool disposing)
    {
        base.Dispose(disposing);

        // Somebody may have put another socket in this place meanwhile: that one is theirs.
        if (_file is not null && IdentityOf(address.Name, out _) == _file)
        {
            File.Delete(address.Name);
        }

        _file = null;
    }

    /// <summary>A socket file that a killed process left behind refuses connections; one in use does not.</summary>
    private void RemoveStale()
    {
        if (address.IsAbstract)
        {
            throw new HostEndException($"{Description}: in use by another process: stop it or choose another name");
        }

        _ = IdentityOf(address.Name, out FileKind kind);
        if (kind != FileKind.Socket)
        {
            throw new HostEndException($"{Description}: a file that is not a socket has this name: remove it or choose another path");
        }

        PosixResult result = StreamSocket.Connect(address, out FileDescriptor? client);
        using (client)
        {
            if (result.Error != Errno.ConnectionRefused)
            {
                throw new HostEndException(
                    $"{Description}: in use: a process listens there already; stop it or choose another path");
            }
        }

        File.Delete(address.Name);
    }

    private static FileIdentity? IdentityOf(string path, out FileKind kind)
    {
        _ = FileDescriptor.Open(path, OpenFlags.PathOnly, 0, out FileDescriptor? file);
        using (file)
        {
            kind = file?.Kind() ?? FileKind.Unknown;
            return file?.Identity();
        }
    }

    private static string Advice(Errno error) => error switch
    {
        Errno.NotFound => ": create its folder first",
        Errno.AccessDenied => ": choose a folder you may write to, such as $XDG_RUNTIME_DIR",
        _ => "",
    };
}
