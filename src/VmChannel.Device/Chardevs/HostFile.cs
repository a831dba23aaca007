using VmChannel.Device.Channels;
using VmChannel.Native;

namespace VmChannel.Device.Chardevs;

/// <summary>Opens a path that may be a file, a FIFO or a character device, so that the loop never waits for it.</summary>
internal static class HostFile
{
    /// <summary>Opens for the guest's output.</summary>
    /// <param name="description">How the chardev is called in a message.</param>
    /// <param name="path">Made if it is not there.</param>
    /// <param name="append">Keeps what is in the file.</param>
    /// <exception cref="HostEndException">It cannot be opened.</exception>
    public static FileDescriptor OpenOutput(string description, string path, bool append)
    {
        FileKind kind = KindOf(path);
        OpenFlags flags = kind switch
        {
            // With a reader of our own a FIFO can be opened, and filled, before anybody else comes to read it.
            FileKind.Fifo => OpenFlags.ReadWrite,
            FileKind.CharacterDevice => OpenFlags.WriteOnly,
            _ => OpenFlags.WriteOnly | OpenFlags.Create | (append ? OpenFlags.Append : OpenFlags.Truncate),
        };
        return Open(description, path, flags);
    }

    /// <summary>Opens for the guest's input.</summary>
    /// <exception cref="HostEndException">It cannot be opened.</exception>
    public static FileDescriptor OpenInput(string description, string path)
        // With a writer of our own a FIFO does not end when a writer leaves.
        => Open(description, path, KindOf(path) == FileKind.Fifo ? OpenFlags.ReadWrite : OpenFlags.ReadOnly);

    /// <summary>Opens for both directions.</summary>
    /// <exception cref="HostEndException">It cannot be opened.</exception>
    public static FileDescriptor OpenBoth(string description, string path) => Open(description, path, OpenFlags.ReadWrite);

    private static FileDescriptor Open(string description, string path, OpenFlags flags)
    {
        PosixResult result = FileDescriptor.Open(
            path, flags | OpenFlags.NonBlocking | OpenFlags.NoControllingTerminal, 0x1B6, out FileDescriptor? file);
        return result.IsSuccess ? file! : throw new HostEndException($"{description}: cannot open {path}: {Explain(result)}");
    }

    private static FileKind KindOf(string path)
    {
        _ = FileDescriptor.Open(path, OpenFlags.PathOnly, 0, out FileDescriptor? file);
        using (file)
        {
            return file?.Kind() ?? FileKind.Unknown;
        }
    }

    private static string Explain(PosixResult result) => result.Error switch
    {
        Errno.NotFound => "no such file or folder",
        Errno.IsDirectory => "it is a folder",
        Errno.NoSuchDeviceOrAddress => "it is a socket, or a device that is not there; for a socket say unix:",
        _ => result.Message,
    };
}
