namespace VmChannel.GuestTool.Clipboards;

/// <summary>A file while it comes: removed unless it is kept.</summary>
internal sealed class IncomingFile(FileStream file, ulong bytes) : IDisposable
{
    private ulong _written;
    private bool _isKept;

    public string Path => file.Name;

    public bool IsWhole => _written == bytes;

    /// <summary>False: it would be longer than was said.</summary>
    /// <exception cref="IOException">The disk does not take it.</exception>
    public bool TryAppend(ReadOnlySpan<byte> piece)
    {
        if ((ulong)piece.Length > bytes - _written)
        {
            return false;
        }

        file.Write(piece);
        _written += (ulong)piece.Length;
        return true;
    }

    public void Keep()
    {
        _isKept = true;
        file.Dispose();
    }

    public void Dispose()
    {
        if (!_isKept)
        {
            file.Dispose();
            try
            {
                File.Delete(file.Name);
            }
            catch (DirectoryNotFoundException)
            {
                // It went with its folder.
            }
        }
    }
}
