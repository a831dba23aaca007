using VmChannel.Native;

namespace VmChannel.Device.Channels;

/// <summary>Host ends that were replaced, until the guest has read what they had received for it. Loop thread only.</summary>
internal sealed class RetiredEnds : IDisposable
{
    /// <summary>A guest that does not read must not make replacing cost a descriptor each time.</summary>
    private const int MaxWaiting = 8;

    private const int PiecesPerRead = 64;

    private readonly Queue<Waiting> _waiting = new();
    private readonly List<Task> _completions = [];

    /// <summary>One more makes the oldest give way.</summary>
    public bool IsFull => _waiting.Count >= MaxWaiting;

    /// <summary>Nothing is left to read.</summary>
    public bool IsEmpty => _waiting.Count == 0;

    /// <summary>Bytes that the guest did not read in time, or before it closed the port.</summary>
    public long LostBytes { get; private set; }

    /// <summary>What the ends took from the guest has been stored, or given up.</summary>
    public Task Completion => Task.WhenAll(_completions);

    /// <summary>Takes over an end.</summary>
    public void Add(HostEnd end)
    {
        long left = end.Retire();
        if (left == 0)
        {
            Release(end);
            return;
        }

        _waiting.Enqueue(new(end, left));
        if (_waiting.Count > MaxWaiting)
        {
            Waiting oldest = _waiting.Dequeue();
            LostBytes += oldest.Left;
            Release(oldest.End);
        }
    }

    /// <summary>What is left was for a program that has closed the port.</summary>
    public void Drop()
    {
        foreach (Waiting waiting in _waiting)
        {
            LostBytes += waiting.Left;
        }

        Dispose();
    }

    public bool Contains(HostEnd end) => _waiting.Any(waiting => ReferenceEquals(waiting.End, end));

    public void OnGuestOpen(bool isOpen)
    {
        foreach (Waiting waiting in _waiting)
        {
            waiting.End.OnGuestOpen(isOpen);
        }
    }

    /// <summary>Gives what the oldest has left. Returns 0 once all are done.</summary>
    public long Read(ReadOnlySpan<IoVector> destination)
    {
        Span<IoVector> pieces = stackalloc IoVector[PiecesPerRead];
        while (_waiting.TryPeek(out Waiting? oldest))
        {
            long given = oldest.End.Read(pieces[..Clip(destination, oldest.Left, pieces)]);
            oldest.Left -= given;
            if (given == 0 || oldest.Left == 0)
            {
                _ = _waiting.Dequeue();
                Release(oldest.End);
            }

            if (given > 0)
            {
                return given;
            }
        }

        return 0;
    }

    public void Dispose()
    {
        while (_waiting.TryDequeue(out Waiting? waiting))
        {
            Release(waiting.End);
        }
    }

    private void Release(HostEnd end)
    {
        end.Dispose();
        _ = _completions.RemoveAll(task => task.IsCompleted);
        if (!end.Completion.IsCompleted)
        {
            _completions.Add(end.Completion);
        }
    }

    /// <summary>No more than was received before the end was replaced, however much came since.</summary>
    private static int Clip(ReadOnlySpan<IoVector> destination, long bytes, Span<IoVector> pieces)
    {
        int count = 0;
        while (bytes > 0 && count < destination.Length && count < pieces.Length)
        {
            pieces[count] = destination[count].Take(Math.Min(bytes, destination[count].Length));
            bytes -= pieces[count++].Length;
        }

        return count;
    }

    private sealed class Waiting(HostEnd end, long left)
    {
        public HostEnd End => end;

        public long Left { get; set; } = left;
    }
}
