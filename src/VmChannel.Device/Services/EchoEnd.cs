using VmChannel.Device.Channels;
using VmChannel.Native;

namespace VmChannel.Device.Services;

/// <summary>Gives a guest back what it wrote, in order, holding at most 64 KiB. Loop thread only.</summary>
/// <remarks>Who writes without reading waits, once those are full. What a program left unread is gone when it closes the port.</remarks>
public sealed class EchoEnd : HostEnd
{
    public const int CapacityBytes = 64 * 1024;

    private const int FirstBytes = 1024;
    private const int GrowthFactor = 4;

    // Empty until it is needed, and again when the guest closes the port: most ports are idle most of the time.
    private byte[] _ring = [];
    private int _start;
    private int _count;
    private bool _isGuestOpen;
    private bool _wasRefused;
    private bool _wasHungry = true;

    public override bool HasInput => _count > 0;

    public override string Description => "service echo";

    public override long Write(ReadOnlySpan<IoVector> source)
    {
        long taken = 0;
        foreach (IoVector piece in source)
        {
            for (long done = 0; done < piece.Length;)
            {
                if (_count == _ring.Length && _count < CapacityBytes)
                {
                    Grow();
                }

                int end = (_start + _count) % _ring.Length;
                int room = Math.Min(_ring.Length - _count, _ring.Length - end);
                if (room == 0)
                {
                    _wasRefused = true;
                    return Taken(taken);
                }

                int count = IoVector.CopyOut([piece.Skip(done)], _ring.AsSpan(end, room));
                done += count;
                taken += count;

                // Whoever wrote this has closed the port already: nobody is there to hear the echo.
                _count += _isGuestOpen ? count : 0;
            }
        }

        return Taken(taken);
    }

    public override long Read(ReadOnlySpan<IoVector> destination)
    {
        long given = 0;
        foreach (IoVector buffer in destination)
        {
            for (long filled = 0; filled < buffer.Length;)
            {
                int ready = Math.Min(_count, _ring.Length - _start);
                if (ready == 0)
                {
                    _wasHungry = true;
                    return Given(given);
                }

                int count = IoVector.CopyIn(_ring.AsSpan(_start, ready), [buffer.Skip(filled)]);
                _start = (_start + count) % _ring.Length;
                _count -= count;
                filled += count;
                given += count;
            }
        }

        return Given(given);
    }

    public override void OnGuestOpen(bool isOpen)
    {
        _isGuestOpen = isOpen;
        _count = 0;
        _start = 0;
        _ring = isOpen ? _ring : [];
        if (_wasRefused)
        {
            _wasRefused = false;
            Wake();
        }
    }

    public override long Retire() => _count;

    protected override void OnStart() => SetOpen(true, null);

    /// <summary>More room, with what is held at its beginning.</summary>
    private void Grow()
    {
        byte[] larger = new byte[Math.Min(Math.Max(FirstBytes, _ring.Length * GrowthFactor), CapacityBytes)];
        int first = Math.Min(_count, _ring.Length - _start);
        _ring.AsSpan(_start, first).CopyTo(larger);
        _ring.AsSpan(0, _count - first).CopyTo(larger.AsSpan(first));
        _start = 0;
        _ring = larger;
    }

    private long Taken(long bytes)
    {
        if (_wasHungry && _count > 0)
        {
            _wasHungry = false;
            Wake();
        }

        return bytes;
    }

    private long Given(long bytes)
    {
        if (_wasRefused && bytes > 0)
        {
            _wasRefused = false;
            Wake();
        }

        return bytes;
    }
}
