namespace VmChannel.Mux;

/// <summary>What a session itself says: answers to pings, refusals of streams, goodbye. Bounded, however much the other end asks.</summary>
internal sealed class MuxAnswers(MuxOutlet outlet) : IMuxSource
{
    private const int MaxWaiting = 4096;

    private readonly Lock _gate = new();
    private readonly Queue<MuxFrame> _frames = [];

    /// <summary>Any thread.</summary>
    /// <returns>False when the other end asks faster than it reads answers.</returns>
    public bool TrySend(MuxFrame frame)
    {
        lock (_gate)
        {
            if (_frames.Count >= MaxWaiting)
            {
                return false;
            }

            _frames.Enqueue(frame);
        }

        outlet.Add(this);
        return true;
    }

    public int Fill(Span<byte> room)
    {
        int filled = 0;
        lock (_gate)
        {
            while (room.Length - filled >= MuxFrame.Size && _frames.TryDequeue(out MuxFrame frame))
            {
                frame.Write(room[filled..]);
                filled += MuxFrame.Size;
            }
        }

        return filled;
    }
}
