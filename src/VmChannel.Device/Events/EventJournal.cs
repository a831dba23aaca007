using System.Runtime.CompilerServices;

namespace VmChannel.Device.Events;

/// <summary>The last events of all VMs of a server, in order, for any number of readers. Any thread.</summary>
/// <remarks>
/// Events are kept in a ring of fixed size. Readers have a position each and take no lock, so neither their number nor
/// their slowness costs the one who appends more than a swap and at most one item for the thread pool; a reader the ring
/// has overtaken is told exactly how many events it missed.
/// </remarks>
/// <param name="capacity">Events kept; rounded up to a power of two.</param>
/// <param name="time">The clock.</param>
public sealed class EventJournal(int capacity = EventJournal.DefaultCapacity, TimeProvider? time = null)
{
    public const int DefaultCapacity = 4096;

    private readonly DeviceEvent?[] _ring = new DeviceEvent?[(int)System.Numerics.BitOperations.RoundUpToPowerOf2((uint)Math.Max(capacity, 1))];
    private readonly TimeProvider _time = time ?? TimeProvider.System;
    private readonly Lock _appending = new();
    private TaskCompletionSource? _waiting;
    private long _last;

    /// <summary>Sequence number of the newest event; 0 before the first.</summary>
    public long Last => Volatile.Read(ref _last);

    /// <summary>Events that are kept.</summary>
    public int Capacity => _ring.Length;

    /// <summary>Adds an event. Does no I/O and waits for no reader.</summary>
    public void Append(string vm, int? port, string? protocol, DeviceEventKind kind, string? cause = null, long? generation = null)
    {
        lock (_appending)
        {
            long sequence = _last + 1;
            Volatile.Write(ref _ring[sequence & (_ring.Length - 1)], new(sequence, _time.GetUtcNow(), vm, port, protocol, kind, cause, generation));
            Volatile.Write(ref _last, sequence);
        }

        // A full fence between publishing and looking for readers; they install theirs and then look again.
        if (Interlocked.Exchange(ref _waiting, null) is { } waiting)
        {
            ThreadPool.UnsafeQueueUserWorkItem(static readers => readers.SetResult(), waiting, preferLocal: false);
        }
    }

    /// <summary>The first event after a position that is still kept.</summary>
    /// <param name="after">Sequence number of the last event seen; 0 = none. One beyond the newest is another process's, so all is new.</param>
    /// <param name="entry">The event, and how many between were overwritten.</param>
    /// <returns>False when there is none yet.</returns>
    public bool TryRead(long after, out JournalEntry entry)
    {
        long last = Last;
        long wanted = after < 0 || after > last ? 1 : after + 1;
        long first = wanted;
        while (wanted <= last)
        {
            // Whatever a slot holds that is newer than wanted, what was wanted is overwritten: go on with the oldest kept.
            DeviceEvent? found = Volatile.Read(ref _ring[wanted & (_ring.Length - 1)]);
            if (found?.Sequence == wanted)
            {
                entry = new(found, wanted - first);
                return true;
            }

            last = Last;
            wanted = Math.Max(wanted + 1, last - _ring.Length + 1);
        }

        entry = default;
        return false;
    }

    /// <summary>Events from a position on, and then each as it happens, until cancelled.</summary>
    /// <param name="after">As for <see cref="TryRead"/>; <see cref="Last"/> for what happens from now on.</param>
    /// <param name="cancellationToken">Ends the reading.</param>
    public async IAsyncEnumerable<JournalEntry> ReadAsync(long after, [EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        long position = after < 0 || after > Last ? 0 : after;
        while (true)
        {
            cancellationToken.ThrowIfCancellationRequested();
            if (TryRead(position, out JournalEntry entry))
            {
                position = entry.Event.Sequence;
                yield return entry;
                continue;
            }

            Task next = Next();
            if (Last == position)
            {
                await next.WaitAsync(cancellationToken);
            }
        }
    }

    private Task Next()
    {
        TaskCompletionSource mine = new(TaskCreationOptions.RunContinuationsAsynchronously);
        return (Interlocked.CompareExchange(ref _waiting, mine, null) ?? mine).Task;
    }
}
