namespace VmChannel.Cli.Clipboards;

/// <summary>Keeps clipboards in step: what is copied on one side is copied to all others.</summary>
/// <remarks>
/// There is no loop because sides are read and written one at a time, and what a side is read to have that was passed on last goes nowhere.
/// </remarks>
internal sealed class ClipboardBridge(IReadOnlyList<IClipboardSide> sides, Action<string> complain) : IDisposable
{
    private static readonly TimeSpan RetryPause = TimeSpan.FromSeconds(1);

    private readonly SemaphoreSlim _turn = new(1);
    private string? _last;

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
        await _turn.WaitAsync(cancellation);
        try
        {
            ClipboardItem? item = await from.ReadAsync(cancellation);
            if (item is null || item.Identity == _last)
            {
                return;
            }

            _last = item.Identity;
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
        }
        catch (IOException e)
        {
            // Gone again, or in no form that passes: what the others have stays.
            complain($"{from.Name}: {e.Message}");
        }
        finally
        {
            _ = _turn.Release();
        }
    }
}
