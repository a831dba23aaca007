using VmChannel.Native;
using VmChannel.Wire;

namespace VmChannel.Guest;

/// <summary>The folder of unix sockets that stands for the devices while a program is tested.</summary>
internal static class SocketFolder
{
    /// <summary>Environment variable with the folder's path.</summary>
    public const string Variable = "VMCHANNEL_DIR";

    /// <summary>The folder; null when the devices count.</summary>
    public static string? Path => Environment.GetEnvironmentVariable(Variable) is { Length: > 0 } folder ? System.IO.Path.GetFullPath(folder) : null;

    /// <summary>Every socket there with a protocol name for its own.</summary>
    public static List<ChannelInfo> Read(string folder)
    {
        List<ChannelInfo> channels = [];
        try
        {
            foreach (string path in Directory.EnumerateFileSystemEntries(folder))
            {
                string name = System.IO.Path.GetFileName(path);
                if (ProtocolName.TryParse(name, out _, out _) && IsSocket(path))
                {
                    channels.Add(new() { Name = name, Transport = ChannelTransport.UnixSocket, DevicePath = path });
                }
            }
        }
        catch (DirectoryNotFoundException)
        {
            // The test makes it later.
        }

        return channels;
    }

    private static bool IsSocket(string path)
    {
        _ = FileDescriptor.Open(path, OpenFlags.PathOnly, 0, out FileDescriptor? file);
        using (file)
        {
            return file?.Kind() == FileKind.Socket;
        }
    }
}
