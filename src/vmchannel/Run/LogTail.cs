using System.Text;

namespace VmChannel.Cli.Run;

/// <summary>The last bytes of a guest's kernel messages, kept for when it dies. Thread-safe.</summary>
internal sealed class LogTail
{
    private const int CapacityBytes = 64 * 1024;

    private readonly Lock _lock = new();
    private readonly byte[] _ring = new byte[CapacityBytes];
    private long _written;

    public void Append(ReadOnlySpan<byte> bytes)
    {
        lock (_lock)
        {
            foreach (byte value in bytes)
            {
                _ring[_written++ % CapacityBytes] = value;
            }
        }
    }

    /// <summary>Everything a stream gives, until its end.</summary>
    public async Task DrainAsync(Stream source)
    {
        byte[] buffer = new byte[4096];
        int count;
        while ((count = await source.ReadAsync(buffer)) > 0)
        {
            Append(buffer.AsSpan(0, count));
        }
    }

    /// <summary>The last lines, indented, without terminal control characters.</summary>
    public string LastLines(int count)
    {
        byte[] bytes;
        lock (_lock)
        {
            long start = Math.Max(0, _written - CapacityBytes);
            bytes = new byte[_written - start];
            for (long index = start; index < _written; index++)
            {
                bytes[index - start] = _ring[index % CapacityBytes];
            }
        }

        IEnumerable<string> lines = Encoding.UTF8.GetString(bytes)
            .Split('\n')
            .Select(line => string.Concat(line.Where(character => !char.IsControl(character))).TrimEnd())
            .Where(line => line.Length > 0)
            .TakeLast(count);
        return string.Join('\n', lines.Select(line => $"  {line}"));
    }
}
