using System.Diagnostics;
using VmChannel.Control;
using VmChannel.Wire.Capture;

namespace VmChannel.Cli.Captures;

/// <summary>Sends one direction of a capture to a port, at the pace of the recording.</summary>
/// <param name="capture">Read to its end.</param>
/// <param name="port">Gets the bytes; what its guest says is read and dropped.</param>
/// <param name="direction">Which of the recorded bytes.</param>
/// <param name="speed">2 = twice as fast as it was; 0 = at once.</param>
internal sealed class Replay(CaptureReader capture, AttachedPort port, CaptureDirection direction, double speed)
{
    private static readonly TimeSpan LongestPause = TimeSpan.FromDays(1);

    public long SentBytes { get; private set; }

    /// <summary>Bytes of that direction the recording missed: they were not sent.</summary>
    public ulong MissedBytes { get; private set; }

    /// <summary>Sends all, and waits until the server has taken it.</summary>
    /// <returns>False when the port ended before.</returns>
    public async Task<bool> RunAsync(CancellationToken cancellationToken)
    {
        Task answers = DropAsync(cancellationToken);
        bool isTaken = await SendAsync(cancellationToken);
        await port.LeaveAsync(cancellationToken);
        await answers;
        return isTaken;
    }

    private async Task<bool> SendAsync(CancellationToken cancellationToken)
    {
        long began = Stopwatch.GetTimestamp();
        TimeSpan? first = null;
        while (await capture.ReadAsync(cancellationToken) is CaptureEntry entry)
        {
            if (entry.Direction != direction)
            {
                continue;
            }

            MissedBytes = unchecked(MissedBytes + entry.MissedBytes);
            first ??= entry.Time;
            await PaceAsync(entry.Time - first.Value, Stopwatch.GetElapsedTime(began), cancellationToken);
            if (!await port.WriteAsync(entry.Bytes, cancellationToken) || port.EndReason is not null)
            {
                return false;
            }

            SentBytes += entry.Bytes.Length;
        }

        return true;
    }

    private async Task PaceAsync(TimeSpan recorded, TimeSpan elapsed, CancellationToken cancellationToken)
    {
        double pause = speed == 0 ? 0 : (recorded.TotalMilliseconds / speed) - elapsed.TotalMilliseconds;
        if (pause >= 1)
        {
            await Task.Delay(TimeSpan.FromMilliseconds(Math.Min(pause, LongestPause.TotalMilliseconds)), cancellationToken);
        }
    }

    private async Task DropAsync(CancellationToken cancellationToken)
    {
        byte[] buffer = new byte[64 * 1024];
        while (await port.ReadAsync(buffer, cancellationToken) > 0)
        {
            // Nobody wants it, and the guest must not wait for that.
        }
    }
}
