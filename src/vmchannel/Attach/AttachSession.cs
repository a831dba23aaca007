using VmChannel.Cli.CommandLine;
using VmChannel.Control;

namespace VmChannel.Cli.Attach;

/// <summary>Passes bytes between standard input and output and a port.</summary>
/// <param name="port">The port; stays the caller's.</param>
/// <param name="escape">The key that leaves; null = none.</param>
/// <param name="linger">After the input's end: leave when the guest was silent for so long. Null = stay until the port ends.</param>
internal sealed class AttachSession(AttachedPort port, EscapeKey? escape, TimeSpan? linger) : IDisposable
{
    private const int BufferBytes = 64 * 1024;
    private static readonly TimeSpan LeaveTime = TimeSpan.FromSeconds(2);

    private readonly WakeableInput _input = new();
    private long _lastOutput = Environment.TickCount64;

    private TimeSpan Silence => TimeSpan.FromMilliseconds(Environment.TickCount64 - Interlocked.Read(ref _lastOutput));

    /// <summary>Passes bytes until the port ends, the input does, the escape key is pressed, or nobody reads the output.</summary>
    /// <param name="cancellation">Ends it at once.</param>
    /// <returns>True when this side left; false when the port ended: <see cref="AttachedPort.EndReason"/> says why.</returns>
    public async Task<bool> RunAsync(CancellationToken cancellation)
    {
        using CancellationTokenSource over = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        await using CancellationTokenRegistration wake = over.Token.Register(_input.Wake);
        Task<bool> output = PrintAsync(over.Token);
        Task input = SendAsync(over.Token);
        bool hasLeft = await Task.WhenAny(input, output) == input || !await output;
        if (hasLeft && !cancellation.IsCancellationRequested)
        {
            // What was typed last is on its way.
            await port.LeaveAsync(cancellation);
            _ = await Task.WhenAny(output, Task.Delay(LeaveTime, cancellation));
        }

        await over.CancelAsync();
        await Task.WhenAll(input, output);
        return hasLeft;
    }

    public void Dispose() => _input.Dispose();

    /// <summary>Sends what is typed. Done when it is time to leave.</summary>
    private async Task SendAsync(CancellationToken cancellation)
    {
        byte[] buffer = new byte[BufferBytes];
        try
        {
            while (!cancellation.IsCancellationRequested)
            {
                int count = await _input.ReadAsync(buffer, Timeout.InfiniteTimeSpan);
                if (count == 0)
                {
                    await port.EndWritesAsync(cancellation);
                    await StayAsync(cancellation);
                    return;
                }

                int escapeAt = count < 0 || escape is null ? -1 : buffer.AsSpan(0, count).IndexOf(escape.Code);
                int length = escapeAt < 0 ? Math.Max(0, count) : escapeAt;
                if (!await port.WriteAsync(buffer.AsMemory(0, length), cancellation) || escapeAt >= 0)
                {
                    return;
                }
            }
        }
        catch (OperationCanceledException)
        {
            // It ends anyway.
        }
    }

    /// <summary>The input has ended, and the guest may still answer.</summary>
    private async Task StayAsync(CancellationToken cancellation)
    {
        if (linger is not TimeSpan patience)
        {
            await Task.Delay(Timeout.Infinite, cancellation);
            return;
        }

        _ = Interlocked.Exchange(ref _lastOutput, Environment.TickCount64);
        for (TimeSpan left = patience; left > TimeSpan.Zero; left = patience - Silence)
        {
            await Task.Delay(left + TimeSpan.FromMilliseconds(1), cancellation);
        }
    }

    /// <summary>Prints what the guest writes. True when the port has ended, false when nobody reads.</summary>
    private async Task<bool> PrintAsync(CancellationToken cancellation)
    {
        byte[] buffer = new byte[BufferBytes];
        try
        {
            while (await port.ReadAsync(buffer, cancellation) is int count and > 0)
            {
                if (!StandardStream.WriteOutput(buffer.AsSpan(0, count)))
                {
                    return false;
                }

                _ = Interlocked.Exchange(ref _lastOutput, Environment.TickCount64);
            }

            return true;
        }
        catch (OperationCanceledException)
        {
            return false;
        }
    }
}
