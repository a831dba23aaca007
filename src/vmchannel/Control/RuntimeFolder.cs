using VmChannel.Native;

namespace VmChannel.Cli.Control;

/// <summary>The folder where servers and the commands that talk to them meet, as the server makes it.</summary>
internal static class RuntimeFolder
{
    private const UnixFileMode Private = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute;

    /// <summary>Makes the folder, for this user alone.</summary>
    /// <exception cref="IOException">It cannot be made, or is another user's, who could put false servers into it.</exception>
    public static void Create(string folder)
    {
        try
        {
            _ = Directory.CreateDirectory(folder, Private);
        }
        catch (UnauthorizedAccessException e)
        {
            throw new IOException(e.Message, e);
        }

        if (new DirectoryInfo(folder).LinkTarget is not null || FileOwnership.OwnerOf(folder) != FileOwnership.EffectiveUser)
        {
            throw new IOException($"{folder} is not this user's own folder");
        }

        if ((File.GetUnixFileMode(folder) & (UnixFileMode.GroupWrite | UnixFileMode.OtherWrite)) != 0)
        {
            throw new IOException($"others may write to {folder}: chmod 700 it");
        }
    }
}
