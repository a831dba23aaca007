namespace VmChannel.Native;

/// <summary>A listening unix socket that owns its file: takes over a dead one's place, never a living one's, and cleans up.</summary>
public sealed class UnixListener : IDisposable
{
    /// <summary>Others are done in microseconds, and a loop may be waiting.</summary>
    private static readonly TimeSpan TurnTime = TimeSpan.FromMilliseconds(100);

    private readonly UnixAddress _address;
    private readonly FileIdentity? _file;

    private UnixListener(UnixAddress address, FileDescriptor socket)
    {
        _address = address;
        _file = address.IsAbstract ? null : IdentityOf(address.Name, out _);
        Socket = socket;
    }

    public FileDescriptor Socket { get; }

    /// <summary>Listens. Null with the rest of a sentence that begins with the address when it cannot.</summary>
    /// <param name="address">Where.</param>
    /// <param name="backlog">Connections that may wait to be accepted.</param>
    /// <param name="reason">Why it cannot.</param>
    /// <param name="isForAll">Every user may connect, and whoever accepts says who stays; otherwise the file has mode 0600.</param>
    public static UnixListener? TryOpen(UnixAddress address, int backlog, out string? reason, bool isForAll = false)
    {
        reason = null;

        // Who has bound and does not listen yet looks dead, and so does a file that another is about to replace.
        using FileDescriptor? turn = address.IsAbstract ? null : FolderLock.TryTake(FolderOf(address.Name), TurnTime);
        PosixResult result = StreamSocket.Listen(address, backlog, out FileDescriptor? socket);
        if (result.Error == Errno.AddressInUse)
        {
            reason = RemoveStale(address);
            if (reason is not null)
            {
                return null;
            }

            result = StreamSocket.Listen(address, backlog, out socket);
        }

        if (!result.IsSuccess)
        {
            reason = $"cannot be listened on: {result.Message}{Advice(result.Error)}";
            return null;
        }

        UnixListener listener = new(address, socket!);
        reason = isForAll ? listener.TryAdmit(isForAll) : null;
        if (reason is not null)
        {
            listener.Dispose();
            return null;
        }

        return listener;
    }

    /// <summary>Lets every user connect, or the file's owner alone. Before the first call it is the latter, whatever the umask says.</summary>
    /// <returns>Null, or the rest of a sentence that begins with the address: nothing has changed then.</returns>
    public string? TryAdmit(bool isForAll)
    {
        if (_address.IsAbstract)
        {
            return null;
        }

        if (_file is null || IdentityOf(_address.Name, out _) != _file)
        {
            return "is not this server's file any more: unplug the port and plug it in again";
        }

        try
        {
            File.SetUnixFileMode(_address.Name, (UnixFileMode)(isForAll ? 0x1B6 : 0x180));
            return null;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return $"cannot be opened or closed for other users: {e.Message}";
        }
    }

    public void Dispose()
    {
        // Somebody may have put another socket in this place meanwhile: that one is theirs. While ours listens nobody takes it for dead,
        // and no other file has its number.
        if (_file is not null && IdentityOf(_address.Name, out _) == _file)
        {
            _ = FileDescriptor.Unlink(_address.Name);
        }

        Socket.Dispose();
    }

    /// <summary>A socket file that a killed process left behind refuses connections; so does any other file, which is not ours to remove.</summary>
    private static string? RemoveStale(UnixAddress address)
    {
        if (address.IsAbstract)
        {
            return "is in use by another process: stop it or choose another name";
        }

        _ = IdentityOf(address.Name, out FileKind kind);
        if (kind != FileKind.Socket)
        {
            return "exists and is not a socket: remove it or choose another path";
        }

        PosixResult probe = StreamSocket.Connect(address, out FileDescriptor? other);
        other?.Dispose();
        if (probe.Error != Errno.ConnectionRefused)
        {
            return "is in use: a process listens there already; stop it or choose another path";
        }

        PosixResult removed = FileDescriptor.Unlink(address.Name);
        return removed.IsSuccess || removed.Error == Errno.NotFound ? null : $"was left by a process that has ended, and cannot be removed: {removed.Message}";
    }

    private static string FolderOf(string path) => Path.GetDirectoryName(path) is { Length: > 0 } folder ? folder : ".";

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
