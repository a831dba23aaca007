using VmChannel.Device.Events;

namespace VmChannel.Cli.Serve;

/// <summary>Gives memory back to the system after much has happened: a thousand VMs that start leave three times the garbage that they keep.</summary>
/// <remarks>
/// The collector runs when memory is wanted, and an idle server wants none, so what its start took would stay with it for ever. Collecting
/// stops the loops, so it is done only after a while in which none of them had anything to do, and only where it pays.
/// </remarks>
internal sealed class HeapTrim : IAsyncDisposable
{
    /// <summary>Bytes that must have been allocated since the last time, and half as many as are in use.</summary>
    public const long WorthBytes = 8 << 20;

    private const int MostPauses = 16;

    private readonly EventJournal _journal;
    private readonly Func<long> _wakeups;
    private readonly TimeSpan _pause;
    private readonly CancellationTokenSource _stop = new();
    private readonly Task _running;
    private long _allocated;

    /// <param name="journal">Tells that something happened.</param>
    /// <param name="wakeups">How often loops have woken up in all.</param>
    /// <param name="pause">How long nothing must have happened.</param>
    public HeapTrim(EventJournal journal, Func<long> wakeups, TimeSpan pause)
    {
        _journal = journal;
        _wakeups = wakeups;
        _pause = pause;
        _running = RunAsync();
    }

    /// <summary>How often memory was given back.</summary>
    public int Count { get; private set; }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _running.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        _stop.Dispose();
    }

    private async Task RunAsync()
    {
        await foreach (JournalEntry _ in _journal.ReadAsync(0, _stop.Token))
        {
            TimeSpan pause = _pause;
            while (IsWorthIt())
            {
                (long Events, long Wakeups) before = (_journal.Last, _wakeups());
                await Task.Delay(pause, _stop.Token);
                if (before == (_journal.Last, _wakeups()))
                {
                    Trim();
                }

                // Channels may be busy for days, and looking takes the processor from nobody if it is seldom.
                pause = before.Events != _journal.Last ? _pause : pause < _pause * MostPauses ? pause * 2 : pause;
            }
        }
    }

    private bool IsWorthIt() => GC.GetTotalAllocatedBytes() - _allocated > Math.Max(WorthBytes, GC.GetTotalMemory(forceFullCollection: false) / 2);

    private void Trim()
    {
        GC.Collect(GC.MaxGeneration, GCCollectionMode.Aggressive, blocking: true, compacting: true);
        _allocated = GC.GetTotalAllocatedBytes();
        Count++;
    }
}
