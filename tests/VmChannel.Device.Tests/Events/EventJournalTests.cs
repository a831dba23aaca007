using System.Runtime.CompilerServices;
using VmChannel.Device.Events;
using Xunit;

namespace VmChannel.Device.Tests.Events;

/// <summary>Order, readers of any speed, and what a reader is told that was too slow.</summary>
public sealed class EventJournalTests
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    [Fact]
    public void Append_ManyThreads_NumbersHaveNoGapsAndOrderIsKept()
    {
        EventJournal journal = new(capacity: 8192);
        Parallel.For(0, 8, thread =>
        {
            for (int i = 0; i < 1000; i++)
            {
                journal.Append($"vm{thread}", i, null, DeviceEventKind.Ready);
            }
        });
        Assert.Equal(8000, journal.Last);
        Dictionary<string, int> next = [];
        for (long at = 0; at < 8000; at++)
        {
            Assert.True(journal.TryRead(at, out JournalEntry entry));
            Assert.Equal((at + 1, 0L), (entry.Event.Sequence, entry.Missed));
            Assert.Equal(next.GetValueOrDefault(entry.Event.Vm), entry.Event.Port);
            next[entry.Event.Vm] = entry.Event.Port!.Value + 1;
        }

        Assert.False(journal.TryRead(8000, out _));
    }

    [Theory]
    [InlineData(0, 92)]
    [InlineData(50, 42)]
    [InlineData(92, 0)]
    public void Read_OvertakenByTheRing_SaysHowManyWereMissed(long after, long missed)
    {
        EventJournal journal = new(capacity: 8);
        for (int i = 0; i < 100; i++)
        {
            journal.Append("vm", i, null, DeviceEventKind.Ready);
        }

        Assert.True(journal.TryRead(after, out JournalEntry entry));
        Assert.Equal((93L, missed), (entry.Event.Sequence, entry.Missed));
    }

    /// <summary>The number of a server that was restarted since.</summary>
    [Fact]
    public void Read_AfterANumberThatIsNotReached_StartsFromTheBeginning()
    {
        EventJournal journal = new();
        journal.Append("vm", null, null, DeviceEventKind.DriverReady);
        Assert.True(journal.TryRead(1000, out JournalEntry entry));
        Assert.Equal(1, entry.Event.Sequence);
    }

    /// <summary>Whatever a reader's speed: what it got and what it was told it missed add up to everything.</summary>
    [Fact]
    public async Task Read_WhileAppending_GotAndMissedAddUp()
    {
        const int Events = 200_000;
        EventJournal journal = new(capacity: 64);
        Task<(long Got, long Missed)>[] readers = [.. Enumerable.Range(0, 4).Select(slowness => Task.Run(() => CountAsync(journal, Events, slowness)))];
        await Task.Run(
            () =>
            {
                for (int i = 0; i < Events; i++)
                {
                    journal.Append("vm", 1, null, DeviceEventKind.GuestOpened);
                }
            },
            TestContext.Current.CancellationToken);
        foreach (Task<(long Got, long Missed)> reader in readers)
        {
            (long got, long missed) = await reader.WaitAsync(Patience, TestContext.Current.CancellationToken);
            Assert.Equal(Events, got + missed);
        }
    }

    [Fact]
    public async Task Read_NothingThere_WaitsForEachEventAndEndsWithCancellation()
    {
        EventJournal journal = new();
        using CancellationTokenSource stop = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        await using IAsyncEnumerator<JournalEntry> reader = journal.ReadAsync(journal.Last, stop.Token).GetAsyncEnumerator(stop.Token);
        for (int i = 0; i < 100; i++)
        {
            Task<bool> next = reader.MoveNextAsync().AsTask();
            Assert.False(next.IsCompleted);
            journal.Append("vm", i, "org.test", DeviceEventKind.HostOpened, "cause", 7);
            Assert.True(await next.WaitAsync(Patience, stop.Token));
            Assert.Equal((i, "org.test", "cause", 7L), (reader.Current.Event.Port, reader.Current.Event.Protocol, reader.Current.Event.Cause, reader.Current.Event.Generation));
        }

        Task<bool> last = reader.MoveNextAsync().AsTask();
        await stop.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => last);
    }

    /// <summary>A thousand readers that never read again keep nothing alive but what they read last.</summary>
    [Fact]
    public async Task Append_ManyStuckReaders_KeepsOnlyTheRing()
    {
        EventJournal journal = new(capacity: 16);
        List<IAsyncEnumerator<JournalEntry>> stuck = [];
        List<Task<bool>> reads = [];
        for (int i = 0; i < 1000; i++)
        {
            IAsyncEnumerator<JournalEntry> reader = journal.ReadAsync(0, TestContext.Current.CancellationToken).GetAsyncEnumerator(TestContext.Current.CancellationToken);
            stuck.Add(reader);
            reads.Add(reader.MoveNextAsync().AsTask());
        }

        // Each has read one: a reader that the pool wakes late may hold the very event that is looked for below.
        Append(journal, 1);
        await Task.WhenAll(reads).WaitAsync(Patience, TestContext.Current.CancellationToken);
        Append(journal, 1000);
        WeakReference old = Newest(journal);
        Append(journal, 100);
        GC.Collect();
        Assert.False(old.IsAlive);
        Assert.Equal(1000, stuck.Count);
        GC.KeepAlive(journal);
    }

    [Fact]
    public void Names_EveryKind_RoundTripsInKebabCase()
    {
        foreach (DeviceEventKind kind in Enum.GetValues<DeviceEventKind>())
        {
            string name = EventNames.Of(kind);
            Assert.Matches("^[a-z]+(-[a-z]+)*$", name);
            Assert.True(EventNames.TryParse(name, out DeviceEventKind back));
            Assert.Equal(kind, back);
        }

        Assert.Equal("front-end-disconnected", EventNames.Of(DeviceEventKind.FrontEndDisconnected));
        Assert.False(EventNames.TryParse("no-such", out _));
    }

    private static void Append(EventJournal journal, int count)
    {
        for (int i = 0; i < count; i++)
        {
            journal.Append("vm", 1, null, DeviceEventKind.GuestOpened);
        }
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static WeakReference Newest(EventJournal journal)
    {
        Assert.True(journal.TryRead(journal.Last - 1, out JournalEntry entry));
        return new WeakReference(entry.Event);
    }

    private static async Task<(long Got, long Missed)> CountAsync(EventJournal journal, long events, int slowness)
    {
        long got = 0;
        long missed = 0;
        await foreach (JournalEntry entry in journal.ReadAsync(0, TestContext.Current.CancellationToken))
        {
            Assert.Equal(got + missed + entry.Missed + 1, entry.Event.Sequence);
            got++;
            missed += entry.Missed;
            if (entry.Event.Sequence == events)
            {
                break;
            }

            if (slowness > 0 && got % (100 / slowness) == 0)
            {
                await Task.Yield();
            }
        }

        return (got, missed);
    }
}
