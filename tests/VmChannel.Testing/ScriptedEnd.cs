using VmChannel.Device.Channels;
using VmChannel.Native;

namespace VmChannel.Testing;

/// <summary>A host end that does what a test says: how much it takes, what it has to give, whether it is there. Loop thread only.</summary>
public sealed class ScriptedEnd : HostEnd
{
    private readonly Queue<byte> _toGuest = new();
    private long _takenCount;
    private byte[] _scratch = new byte[64 * 1024];

    public override string Description => "scripted";

    public override bool HasInput => _toGuest.Count > 0;

    /// <summary>Times it was told that nothing more comes from a guest that closed.</summary>
    public int Drains { get; private set; }

    /// <summary>Bytes taken, in order.</summary>
    public List<byte> Taken { get; } = [];

    /// <summary>Bytes it still takes; then it is full until more is allowed.</summary>
    public long Allowance { get; set; } = long.MaxValue;

    /// <summary>Each write takes no more than this.</summary>
    public int MaxPerWrite { get; set; } = int.MaxValue;

    /// <summary>Hangs up in the middle of the write that takes the last allowed byte.</summary>
    public bool HangsUpWhenFull { get; set; }

    /// <summary>Only counts what it takes.</summary>
    public bool DiscardsTaken { get; set; }

    public long TakenCount => Interlocked.Read(ref _takenCount);

    /// <summary>Told at the end of each write.</summary>
    public Action? Written { get; set; }

    public List<bool> GuestOpens { get; } = [];

    public int Writes { get; private set; }

    public int Reads { get; private set; }

    public bool IsStarted { get; private set; }

    public bool IsDisposed { get; private set; }

    /// <summary>Connects or disconnects.</summary>
    public void Connect(bool isOpen) => SetOpen(isOpen, null);

    /// <summary>More may be taken.</summary>
    public void Allow(long bytes)
    {
        Allowance = bytes;
        Wake();
    }

    /// <summary>Has bytes for the guest.</summary>
    public void Give(ReadOnlySpan<byte> bytes)
    {
        foreach (byte each in bytes)
        {
            _toGuest.Enqueue(each);
        }

        Wake();
    }

    public override long Write(ReadOnlySpan<IoVector> source)
    {
        Writes++;
        long offered = 0;
        foreach (IoVector vector in source)
        {
            offered += vector.Length;
        }

        int count = (int)Math.Min(Math.Min(offered, Allowance), MaxPerWrite);
        if (!DiscardsTaken)
        {
            if (_scratch.Length < count)
            {
                _scratch = new byte[count];
            }

            _ = IoVector.CopyOut(source, _scratch.AsSpan(0, count));
            Taken.AddRange(_scratch.AsSpan(0, count));
        }

        _ = Interlocked.Add(ref _takenCount, count);
        Allowance -= count;
        Written?.Invoke();
        if (Allowance == 0 && HangsUpWhenFull)
        {
            SetOpen(false, null);
        }
        else if (count < offered && Allowance > 0)
        {
            Wake();
        }

        return count;
    }

    public override long Read(ReadOnlySpan<IoVector> destination)
    {
        Reads++;
        long given = 0;
        Span<byte> one = stackalloc byte[1];
        foreach (IoVector vector in destination)
        {
            for (long at = 0; at < vector.Length; at++)
            {
                if (!_toGuest.TryDequeue(out one[0]))
                {
                    return given;
                }

                _ = IoVector.CopyIn(one, [vector.Skip(at)]);
                given++;
            }
        }

        return given;
    }

    public override void OnGuestOpen(bool isOpen) => GuestOpens.Add(isOpen);

    public override void OnGuestDrained() => Drains++;

    protected override void OnStart() => IsStarted = true;

    protected override void Dispose(bool disposing)
    {
        IsDisposed = true;
        base.Dispose(disposing);
    }
}
