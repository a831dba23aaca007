using System.Diagnostics;
using System.Globalization;
using VmChannel.Cli.Fetch;

namespace VmChannel.Cli.Client;

/// <summary>A bar on a person's terminal while a file is copied.</summary>
/// <param name="name">The file's.</param>
/// <param name="total">Bytes it has; 0 = unknown.</param>
internal sealed class CopyProgress(string name, long total) : IDisposable
{
    private const int Cells = 30;
    private static readonly TimeSpan Glance = TimeSpan.FromMilliseconds(100);

    private readonly ProgressLine _line = new();
    private readonly long _began = Stopwatch.GetTimestamp();
    private long _shown;

    public void Report(long copied)
    {
        if (_shown == 0 || Stopwatch.GetElapsedTime(_shown) > Glance || copied == total)
        {
            _shown = Stopwatch.GetTimestamp();
            _line.Show(Text(name, copied, total, Stopwatch.GetElapsedTime(_began)));
        }
    }

    public void Dispose() => _line.Clear();

    public static string Text(string name, long copied, long total, TimeSpan elapsed)
    {
        string rate = elapsed > TimeSpan.Zero ? $", {PortText.Bytes((long)(copied / elapsed.TotalSeconds))}/s" : "";
        if (total <= 0)
        {
            return $"{PortText.Safe(name)}: {PortText.Bytes(copied)}{rate}";
        }

        // A file may grow while it is read.
        double part = Math.Min(1, (double)copied / total);
        int full = (int)(part * Cells);
        string bar = new string('#', full).PadRight(Cells, '.');
        return string.Create(CultureInfo.InvariantCulture, $"{PortText.Safe(name)}: [{bar}] {(int)(part * 100)}% of {PortText.Bytes(total)}{rate}");
    }
}
