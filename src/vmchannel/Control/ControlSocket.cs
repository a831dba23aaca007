using System.Globalization;
using VmChannel.Cli.Serve;
using VmChannel.Control;
using VmChannel.Native;

namespace VmChannel.Cli.Control;

/// <summary>The unix socket of a server's control API, mode 0600, under one name of its own or under those of its VMs.</summary>
/// <remarks>
/// A VM's name is another link to the same socket file: each appears and vanishes with its VM, and what a killed server leaves
/// behind refuses connections and is replaced. All of one server's names have one inode.
/// </remarks>
internal sealed class ControlSocket : IVmNames, IDisposable
{
    private const int Backlog = 512;
    private const string OwnNames = "servers";

    private static int _count;

    private readonly UnixListener _listener;
    private readonly string _path;
    private readonly string? _folder;
    private readonly HashSet<string> _names = [];

    private ControlSocket(UnixListener listener, string path, string? folder)
    {
        _listener = listener;
        _path = path;
        _folder = folder;
    }

    /// <summary>Listens. Non-blocking.</summary>
    public FileDescriptor Listener => _listener.Socket;

    /// <summary>Where it is; with names, where the server's own name is.</summary>
    public string Path => _path;

    /// <summary>Listens on one path.</summary>
    /// <exception cref="IOException">It is taken, or cannot be made: the message says what to do.</exception>
    public static ControlSocket Open(string path) => new(Listen("--control ", path), path, null);

    /// <summary>Listens in a folder, under the names of VMs to come.</summary>
    /// <exception cref="IOException">The folder cannot be used.</exception>
    public static ControlSocket OpenIn(string folder)
    {
        RuntimeFolder.Create(folder);
        string own = System.IO.Path.Combine(folder, OwnNames);
        RuntimeFolder.Create(own);

        // A process may live although it is not seen, as in another container that shares the folder.
        foreach (string stale in Directory.GetFiles(own).Where(name => IsOfDeadProcess(name) && FindListener(name) is null))
        {
            File.Delete(stale);
        }

        // Several servers may be in one process: in tests they are.
        string path = System.IO.Path.Combine(own, string.Create(CultureInfo.InvariantCulture, $"{Environment.ProcessId}-{Interlocked.Increment(ref _count)}"));
        return new(Listen("", path), path, folder);
    }

    public void Claim(string vm)
    {
        if (_folder is null)
        {
            return;
        }

        // Of several that find a dead server's name one is to have it.
        using FileDescriptor turn = FolderLock.Take(_folder);
        string name = ServerFolder.SocketOf(_folder, vm);
        PosixResult result = FileOwnership.Link(_path, name);
        if (result.Error == Errno.Exists)
        {
            if (FindListener(name) is int pid)
            {
                throw new IOException(
                    $"a VM named {vm} is served already, by process {pid}: give this one another --name, or another --control PATH");
            }

            File.Delete(name);
            result = FileOwnership.Link(_path, name);
        }

        _ = result.OrThrow($"the control socket {name} cannot be made");
        _ = _names.Add(name);
    }

    public void Release(string vm)
    {
        if (_folder is not null && _names.Remove(ServerFolder.SocketOf(_folder, vm)))
        {
            File.Delete(ServerFolder.SocketOf(_folder, vm));
        }
    }

    public void Dispose()
    {
        foreach (string name in _names)
        {
            File.Delete(name);
        }

        _listener.Dispose();
    }

    private static bool IsOfDeadProcess(string path)
        => !Directory.Exists($"/proc/{System.IO.Path.GetFileName(path).Split('-')[0]}");

    /// <summary>The process that listens on a socket file; null when none does, and 0 when that cannot be told.</summary>
    private static int? FindListener(string path)
    {
        if (!UnixAddress.TryCreate(path, isAbstract: false, isTight: true, out UnixAddress? address, out _))
        {
            return 0;
        }

        PosixResult result = StreamSocket.Connect(address, out FileDescriptor? socket);
        using (socket)
        {
            PeerCredentials peer = default;
            _ = socket is null ? default : UnixSocket.GetPeerCredentials(socket, out peer);
            return result.Error is Errno.ConnectionRefused or Errno.NotFound ? null : peer.Pid;
        }
    }

    private static UnixListener Listen(string option, string path)
    {
        if (!UnixAddress.TryCreate(path, isAbstract: false, isTight: true, out UnixAddress? address, out string? reason)
            || UnixListener.TryOpen(address, Backlog, out reason) is not UnixListener listener)
        {
            throw new IOException($"{option}{path}: the control socket {reason}");
        }

        return listener;
    }
}
