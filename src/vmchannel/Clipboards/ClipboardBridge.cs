namespace VmChannel.Cli.Clipboards;

/// <summary>Keeps clipboards in step: what is copied on one side is copied to all others.</summary>
/// <remarks>
/// There is no loop because sides are written one at a time, what is read while that goes on is read again, and what a side is read to have that was passed
/// on last goes nowhere. A side that is slow to answer keeps nobody waiting: it is read out of turn, and what came after it stays.
/// </remarks>
internal sealed class ClipboardBridge(IReadOnlyList<IClipboardSide> sides, Action<string> complain) : IDisposable
{
    private static readonly TimeSpan RetryPause = TimeSpan.FromSeconds(1);

    /// <summary>A guest may say that it has something, and never give it.</summary>
    private static readonly TimeSpan ReadTime = TimeSpan.FromSeconds(10);

    private readonly SemaphoreSlim _turn = new(1);
    private string? _last;
    private long _notices;
    private long _lastNotice;

    /// <summary>Items that were passed on.</summary>
    public int Passed { get; private set; }

    /// <summary>Goes on until cancelled. A side that fails is complained of once, and tried again every second.</summary>
    public Task RunAsync(CancellationToken cancellation) => Task.WhenAll(sides.Select(side => WatchAsync(side, cancellation)));

    public void Dispose() => _turn.Dispose();

    private async Task WatchAsync(IClipboardSide side, CancellationToken cancellation)
    {
        string? said = null;
        while (true)
        {
            string reason = "it has ended";
            try
            {
                await side.WatchAsync(
                    () =>
                    {
                        said = null;
                        return PassOnAsync(side, cancellation);
                    },
                    cancellation);
            }
            catch (IOException e)
            {
                reason = e.Message;
            }

            if (reason != said)
            {
                complain($"{side.Name}: {reason}; it is tried again");
                said = reason;
            }

            await Task.Delay(RetryPause, cancellation);
        }
    }

    private async Task PassOnAsync(IClipboardSide from, CancellationToken cancellation)
    {
        long notice = Interlocked.Increment(ref _notices);
        try
        {
            for (bool isDone = false; !isDone;)
            {
                int before = await InTurnAsync(() => Task.FromResult(Passed), cancellation);
                if (await ReadAsync(from, cancellation) is not ClipboardItem item)
                {
                    return;
                }

                isDone = await InTurnAsync(() => TryPassOnAsync(from, item, notice, before, cancellation), cancellation);
            }
        }
        catch (IOException e)
        {
            // Gone again, or in no form that passes: what the others have stays.
            complain($"{from.Name}: {e.Message}");
        }
    }

    private static async Task<ClipboardItem?> ReadAsync(IClipboardSide from, CancellationToken cancellation)
    {
        using CancellationTokenSource limit = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        limit.CancelAfter(ReadTime);
        try
        {
            return await from.ReadAsync(limit.Token);
        }
        catch (OperationCanceledException e) when (!cancellation.IsCancellationRequested)
        {
            throw new IOException($"what was copied there did not come within {ReadTime.TotalSeconds:0} s", e);
        }
    }

    private async Task<T> InTurnAsync<T>(Func<Task<T>> action, CancellationToken cancellation)
    {
        await _turn.WaitAsync(cancellation);
        try
        {
            return await action();
        }
        finally
        {
            _ = _turn.Release();
        }
    }

    /// <returns>False when the side was written to since it was read: it may have something else now.</returns>
    private async Task<bool> TryPassOnAsync(IClipboardSide from, ClipboardItem item, long notice, int before, CancellationToken cancellation)
    {
        if (item.Identity == _last || notice < _lastNotice)
        {
            return true;
        }

        if (Passed != before)
        {
            return false;
        }

        (_last, _lastNotice) = (item.Identity, notice);
        Passed++;
        foreach (IClipboardSide to in sides.Where(side => side != from))
        {
            try
            {
                await to.WriteAsync(item, cancellation);
            }
            catch (IOException e)
            {
                complain($"{to.Name}: {e.Message}");
            }
        }

        return true;
    }
}
