using System.Diagnostics;

namespace VmChannel.Bench.Alone;

/// <summary>One copy in memory over a ring's worth of buffers, larger than the second-level cache as the device's are.</summary>
internal static class MemoryCopy
{
    private const int Buffers = 256;

    private static readonly byte[] Source = new byte[Buffers * 32 * 1024];
    private static readonly byte[] Target = new byte[64 * 1024];

    public static double MiBPerSecond(long bytes, int block)
    {
        Source.AsSpan().Fill(1);
        long started = Stopwatch.GetTimestamp();
        for (long copied = 0; copied < bytes; copied += block)
        {
            Source.AsSpan((int)(copied % Source.Length), block).CopyTo(Target);
        }

        return bytes / (double)(1 << 20) / Stopwatch.GetElapsedTime(started).TotalSeconds;
    }
}
