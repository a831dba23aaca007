namespace VmChannel.Native;

/// <summary>A listening unix socket that owns its file: takes over a dead one's place, never a living one's, and cleans up.</summary>
public sealed class UnixListener : IDisposable
{
    private readonly UnixAddress _address;

    private UnixListener(UnixAddress address, FileDescriptor socket)
    {
        _address = address;
        Socket = socket;
    }

    public FileDescriptor Socket { get; }

    /// <summary>Listens, mode 0600. Null with the rest of a sentence that begins with the address when it cannot.</summary>
    public static UnixListener? TryOpen(UnixAddress address, int backlog, out string? reason)
    {
        reason = null;
        PosixResult result = StreamSocket.Listen(address, backlog, out FileDescriptor? socket);
        if (result.Error == Errno.AddressInUse && !address.IsAbstract)
        {
            // A file left by a process that died refuses connections; only then is it ours to replace.
            PosixResult probe = StreamSocket.Connect(address, out FileDescriptor? other);
            other?.Dispose();
            if (probe.Error != Errno.ConnectionRefused)
            {
                reason = File.Exists(address.Name) && probe.Error == Errno.NotSocket
                    ? "exists and is not a socket"
                    : "is in use: another process listens there";
                return null;
            }

            File.Delete(address.Name);
            result = StreamSocket.Listen(address, backlog, out socket);
        }

        if (!result.IsSuccess)
        {
            reason = $"cannot be listened on: {result.Message}";
            return null;
        }

        return new(address, socket!);
    }

    public void Dispose()
    {
        Socket.Dispose();
        if (!_address.IsAbstract)
        {
            File.Delete(_address.Name);
        }
    }
}
