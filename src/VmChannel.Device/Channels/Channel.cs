using VmChannel.Native;

namespace VmChannel.Device.Channels;

/// <summary>A port's way to its host end: delivery as promised, whether the host end is there or not. Loop thread only.</summary>
public sealed class Channel : IDisposable
{
    private ConsoleBuffer? _console;

    /// <param name="end">What serves the channel; owned from here on.</param>
    /// <param name="policy">What happens while <paramref name="end"/> is not open.</param>
    /// <param name="isConsole">A console is never held back: the guest's kernel would spin. It is buffered, then dropped.</param>
    public Channel(HostEnd end, DisconnectPolicy policy, bool isConsole)
    {
        End = end;
        Policy = policy;
        NeverHolds = isConsole;
    }

    public HostEnd End { get; }

    /// <summary>What happens while the host end is not open.</summary>
    public DisconnectPolicy Policy { get; set; }

    /// <summary>Bytes that are kept for a console's host end (<c>buffer=</c>).</summary>
    public int BufferBytes
    {
        get;
        set
        {
            field = value;
            DroppedBytes += _console?.Resize(value) ?? 0;
        }
    }
        = 256 * 1024;

    /// <summary>The guest may write: what PORT_OPEN tells it.</summary>
    public bool IsOpen => End.IsOpen || NeverHolds || Policy == DisconnectPolicy.Discard;

    /// <summary>The guest's driver spins until its bytes are taken, so they always are: kept for a while, then dropped.</summary>
    public bool NeverHolds { get; set; }

    /// <summary>Bytes that were taken from the guest and wait here.</summary>
    public bool HoldsBytes => _console is { IsEmpty: false };

    /// <summary>Bytes the guest wrote that nobody will read.</summary>
    public long DroppedBytes { get; private set; }

    /// <summary>Begins to serve.</summary>
    /// <param name="wake">Called when the port should look again.</param>
    /// <exception cref="HostEndException">The host end cannot start.</exception>
    public void Start(Action wake)
        => End.Start(() =>
        {
            _console?.TryFlush(End);
            wake();
        });

    /// <summary>Takes bytes the guest wrote. Returns how many; 0 = not now, and they stay where they are.</summary>
    /// <param name="source">Pieces of guest memory.</param>
    /// <param name="length">Their sum.</param>
    public long Write(ReadOnlySpan<IoVector> source, long length)
    {
        if (NeverHolds)
        {
            _console ??= new ConsoleBuffer(BufferBytes);
            DroppedBytes += _console.Write(End, source, length);
            return length;
        }

        if (End.IsOpen)
        {
            // What a driver before left in the buffer comes first.
            _console?.TryFlush(End);
            return _console is { IsEmpty: false } ? 0 : End.Write(source);
        }

        if (Policy == DisconnectPolicy.Discard)
        {
            DroppedBytes += length;
            return length;
        }

        return 0;
    }

    /// <summary>Fills guest memory with bytes from the host. Returns how many; 0 = none now.</summary>
    public long Read(ReadOnlySpan<IoVector> destination) => End.IsOpen ? End.Read(destination) : 0;

    public void OnGuestOpen(bool isOpen) => End.OnGuestOpen(isOpen);

    public void Dispose() => End.Dispose();
}
