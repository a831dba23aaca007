namespace VmChannel.Cli.Captures;

/// <summary>A capture on disk. What went through a channel may be secret: others get no access to a new file.</summary>
internal static class CaptureFile
{
    /// <exception cref="IOException">It cannot be read: the message says why.</exception>
    public static FileStream Open(string path)
        => Try(() => new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite, bufferSize: 0));

    /// <summary>Makes a file, or a file that is there empty; that one keeps its mode.</summary>
    /// <exception cref="IOException">It cannot be made: the message says why.</exception>
    public static FileStream Create(string path)
        => Try(() => new FileStream(path, new FileStreamOptions
        {
            Mode = FileMode.Create,
            Access = FileAccess.Write,
            Share = FileShare.Read,
            BufferSize = 0,
            UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite,
        }));

    private static FileStream Try(Func<FileStream> open)
    {
        try
        {
            return open();
        }
        catch (UnauthorizedAccessException e)
        {
            throw new IOException(e.Message, e);
        }
    }
}
