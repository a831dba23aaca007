using System.Globalization;
using System.Text;
using VmChannel.Native;
using VmChannel.Wire.VdAgent;

namespace VmChannel.GuestTool.Clipboards;

/// <summary>Saves the files that a host sends, in one folder. One thread.</summary>
/// <remarks>
/// The host's names are nobody's orders: only the last part of a path counts, what is no character of a name becomes <c>_</c>, and a name
/// that is taken gets a number. A file that does not come to its end is removed.
/// </remarks>
/// <param name="folder">Made when the first file comes.</param>
internal sealed class FileInbox(string folder) : IDisposable
{
    private const int MaxFiles = 16;
    private const int MaxNameBytes = 200;
    private const int MaxNumber = 1000;

    private readonly Dictionary<uint, IncomingFile> _files = [];

    /// <summary>A file begins. Returns what the host is to be told.</summary>
    public FileTransferResult Begin(in FileTransferStart start)
    {
        if (_files.ContainsKey(start.Id) || _files.Count == MaxFiles || SafeName(start.Name) is not string name)
        {
            return FileTransferResult.Error;
        }

        try
        {
            _ = Directory.CreateDirectory(folder);
            // A file system in memory alone has no size that it knows of.
            if (new DriveInfo(folder) is { TotalSize: > 0, AvailableFreeSpace: long free } && start.Bytes > (ulong)free)
            {
                return FileTransferResult.NotEnoughSpace;
            }

            _files[start.Id] = new(Create(name), start.Bytes);
            return FileTransferResult.CanSendData;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            _ = Failure.Report($"{name}: {e.Message}");
            return FileTransferResult.Error;
        }
    }

    /// <summary>Some of a file has come. Returns what the host is to be told; null = nothing yet.</summary>
    public FileTransferResult? Append(uint id, ReadOnlySpan<byte> bytes)
    {
        if (!_files.TryGetValue(id, out IncomingFile? file))
        {
            return null; // it has failed, and the host knows
        }

        try
        {
            if (!file.TryAppend(bytes))
            {
                Drop(id);
                return FileTransferResult.Error;
            }

            if (!file.IsWhole)
            {
                return null;
            }

            file.Keep();
            _ = _files.Remove(id);
            return FileTransferResult.Success;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            _ = Failure.Report($"{file.Path}: {e.Message}");
            Drop(id);
            return e.HResult == (int)Errno.NoSpace ? FileTransferResult.NotEnoughSpace : FileTransferResult.Error;
        }
    }

    /// <summary>The host does not go on with one.</summary>
    public void Drop(uint id)
    {
        if (!_files.Remove(id, out IncomingFile? file))
        {
            return;
        }

        try
        {
            file.Dispose();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            _ = Failure.Report($"{file.Path}, which is not whole, cannot be removed: {e.Message}");
        }
    }

    /// <summary>The host has gone.</summary>
    public void Dispose()
    {
        foreach (uint id in _files.Keys.ToArray())
        {
            Drop(id);
        }
    }

    /// <summary>The name a file gets; null when nothing of the host's is one.</summary>
    internal static string? SafeName(string name)
    {
        StringBuilder safe = new();
        int bytes = 0;
        foreach (Rune rune in name[(name.LastIndexOf('/') + 1)..].EnumerateRunes())
        {
            bytes += rune.Utf8SequenceLength;
            if (bytes > MaxNameBytes)
            {
                break;
            }

            _ = safe.Append(Rune.IsControl(rune) ? new Rune('_') : rune);
        }

        string text = safe.ToString();
        return text is "" or "." or ".." ? null : text;
    }

    private FileStream Create(string name)
    {
        for (int number = 0; ; number++)
        {
            string tried = number == 0 ? name
                : $"{Path.GetFileNameWithoutExtension(name)} ({number.ToString(CultureInfo.InvariantCulture)}){Path.GetExtension(name)}";
            string path = Path.Combine(folder, tried);
            try
            {
                // A link that is there is not followed: what is created must be new.
                return new(path, new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write, BufferSize = 0 });
            }
            catch (IOException) when (number < MaxNumber && Path.Exists(path))
            {
                // Taken.
            }
        }
    }
}
