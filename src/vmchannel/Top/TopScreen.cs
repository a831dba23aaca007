using System.Runtime.InteropServices;
using System.Text;
using VmChannel.Cli.CommandLine;
using VmChannel.Control;
using VmChannel.Device.Chardevs;
using VmChannel.Native;

namespace VmChannel.Cli.Top;

/// <summary>The table on the terminal's other screen, drawn anew for each interval; what was there before comes back.</summary>
/// <param name="sampler">Gives the rates.</param>
/// <param name="interval">How often.</param>
internal sealed class TopScreen(RateSampler sampler, TimeSpan interval) : IDisposable
{
    // DEC private modes 1049 (other screen) and 25 (cursor).
    private const string Enter = "\e[?1049h\e[?25l";
    private const string Leave = "\e[?25h\e[?1049l";
    private const string Home = "\e[H";
    private const string ClearLine = "\e[K";
    private const string ClearBelow = "\e[J";

    private readonly WakeableInput _keys = new();
    private TopOrder _order;

    /// <summary>Draws until a key or a signal ends it, or so many times.</summary>
    public async Task RunAsync(long? count, CancellationToken cancellation)
    {
        using RawTerminal? terminal = RawTerminal.TryEnter(keepSignals: true, Enter, Leave);
        using PosixSignalRegistration resized = PosixSignalRegistration.Create(PosixSignal.SIGWINCH, _ => _keys.Wake());
        using PosixSignalRegistration stopped = PosixSignalRegistration.Create(PosixSignal.SIGTSTP, context => context.Cancel = true);
        await using CancellationTokenRegistration end = cancellation.Register(_keys.Wake);
        for (long drawn = 0; count is null || drawn < count; drawn++)
        {
            RatesReport report = await sampler.NextAsync(cancellation);
            if (!await ShowAsync(report, cancellation))
            {
                return;
            }
        }
    }

    public void Dispose() => _keys.Dispose();

    /// <summary>The keys: true when another one has to be drawn.</summary>
    private bool Press(ReadOnlySpan<byte> keys)
    {
        foreach (byte key in keys)
        {
            switch ((char)key)
            {
                case 'q' or 'Q':
                    return false;
                case 's' or 'S':
                    _order = _order == TopOrder.Name ? TopOrder.Rate : _order + 1;
                    break;
                default:
                    break;
            }
        }

        return true;
    }

    /// <summary>Shows a report for an interval. False when it is time to leave.</summary>
    private async Task<bool> ShowAsync(RatesReport report, CancellationToken cancellation)
    {
        byte[] keys = new byte[64];
        long until = Environment.TickCount64 + (long)interval.TotalMilliseconds;
        while (!cancellation.IsCancellationRequested)
        {
            if (!StandardStream.WriteOutput(Frame(report)))
            {
                return false;
            }

            long left = until - Environment.TickCount64;
            if (left <= 0)
            {
                return true;
            }

            int count = await _keys.ReadAsync(keys, TimeSpan.FromMilliseconds(left));
            if (count == 0 || (count > 0 && !Press(keys.AsSpan(0, count))))
            {
                return false;
            }
        }

        return false;
    }

    private string Frame(RatesReport report)
    {
        TerminalSize size = StdioChardev.TryGetSize(out TerminalSize known) && known is { Columns: > 0, Rows: > 0 } ? known : new TerminalSize(80, 24);
        string title = RateTable.Title(report);
        string keys = $"by {_order.ToString().ToLowerInvariant()}; s: sort otherwise, q: quit";
        IEnumerable<string> lines = RateTable.Of(report, _order, size.Columns).TrimEnd('\n').Split('\n').Prepend(keys).Prepend(title);
        StringBuilder frame = new(Home);
        bool isFirst = true;
        foreach (string line in lines.Take(size.Rows))
        {
            _ = frame.Append(isFirst ? "" : "\r\n").Append(line.AsSpan(0, Math.Min(line.Length, size.Columns))).Append(ClearLine);
            isFirst = false;
        }

        return frame.Append(ClearBelow).ToString();
    }
}
