using VmChannel.Native;

namespace VmChannel.Device.Qmp;

/// <summary>Bytes that were taken from one side and wait for the other. Loop thread only.</summary>
internal sealed class StagedBytes
{
    private const int Capacity = 64 * 1024;

    private readonly PinnedBuffer _buffer = new(Capacity);
    private int _first;
    private int _count;

    public bool IsEmpty => _count == 0;

    public int Count => _count;

    /// <summary>What waits.</summary>
    public IoVector Waiting => _buffer.Vector(_first, _count);

    /// <summary>Room for more, while nothing waits.</summary>
    public IoVector Room => _buffer.Vector(0, Capacity);

    /// <summary>So many bytes were put into <see cref="Room"/>.</summary>
    public void Put(long count) => (_first, _count) = (0, (int)count);

    /// <summary>The first so many were taken.</summary>
    public void Take(long count)
    {
        _first += (int)count;
        _count -= (int)count;
    }

    /// <summary>Keeps what waits in a file until <see cref="Restore"/>; leaves none when nothing waits.</summary>
    /// <exception cref="IOException">It cannot be written.</exception>
    public void Store(string path)
    {
        if (IsEmpty)
        {
            File.Delete(path);
            return;
        }

        using FileStream file = new(path, new FileStreamOptions
        {
            Mode = FileMode.Create,
            Access = FileAccess.Write,
            UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite,
        });
        file.Write(_buffer.Span.Slice(_first, _count));
        file.Flush(flushToDisk: true);
    }

    /// <summary>Takes back what was stored, and removes the file.</summary>
    public void Restore(string path)
    {
        if (File.Exists(path))
        {
            using (FileStream file = File.OpenRead(path))
            {
                Put(file.ReadAtLeast(_buffer.Span, Capacity, throwOnEndOfStream: false));
            }

            File.Delete(path);
        }
    }
}
