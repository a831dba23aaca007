using VmChannel.Device.Loop;
using VmChannel.Native;
using VmChannel.Wire.Capture;

namespace VmChannel.Device.Channels;

/// <summary>A port's way to its host end: delivery as promised, whether the host end is there or not. Loop thread only.</summary>
/// <remarks>
/// A host end that is alone is served directly. Once there are clients besides it, or a history is kept, an
/// <see cref="Audience"/> takes over, until the host end is alone again.
/// </remarks>
public sealed partial class Channel : IDisposable
{
    /// <summary>Bytes a client may be behind the guest unless it was said otherwise (<c>buffer=</c>).</summary>
    public const int DefaultBufferBytes = 256 * 1024;

    private readonly DeviceLoop _loop;
    private Action _wake = static () => { };
    private ConsoleBuffer? _console;
    private Audience? _audience;
    private RetiredEnds? _retired;
    private Pairing? _pairing;
    private TapSet? _taps;
    private long _dropped;
    private long _lost;
    private long _unread;
    private int _lastId;
    private bool _isDisposed;

    /// <param name="end">What serves the channel; owned from here on.</param>
    /// <param name="policy">What happens while nobody is there.</param>
    /// <param name="isConsole">A console is never held back: the guest's kernel would spin. It is buffered, then dropped.</param>
    /// <param name="loop">The loop that runs all this.</param>
    public Channel(HostEnd end, DisconnectPolicy policy, bool isConsole, DeviceLoop loop)
    {
        End = end;
        Policy = policy;
        NeverHolds = isConsole;
        _loop = loop;
    }

    public HostEnd End { get; private set; }

    /// <summary>What happens while nobody is there. Whoever changes it lets the port look again.</summary>
    public DisconnectPolicy Policy { get; set; }

    /// <summary>What becomes of connections when the guest closes the port. Whoever changes it lets the port look again.</summary>
    public GuestClosePolicy OnGuestClose
    {
        get => _pairing is null ? GuestClosePolicy.Keep : GuestClosePolicy.Disconnect;
        set
        {
            _pairing = value == GuestClosePolicy.Keep ? null : _pairing ?? new Pairing(isJoined: IsGuestOpen && IsSomebodyThere);
            End.IsPaired = IsPaired;
            _audience?.Readmit();
        }
    }

    /// <summary>Each opening in the guest has a connection of its own.</summary>
    public bool IsPaired => _pairing is not null;

    /// <summary>When the guest closes the port, it matters which of its bytes were written before that.</summary>
    public bool PartsOpenings => _pairing is not null || _audience is { HasPassing: true };

    /// <summary>Bytes the guest wrote last that are kept for who comes late (<c>history=</c>); 0 = none.</summary>
    public int HistoryBytes
    {
        get;
        set
        {
            field = value;
            Resize();
        }
    }

    /// <summary>Bytes that are kept for a console, and that a client may be behind the holder (<c>buffer=</c>).</summary>
    /// <remarks>A client may always be behind by the history, with which it begins.</remarks>
    public int BufferBytes
    {
        get;
        set
        {
            field = value;
            _dropped += _console?.Resize(value) ?? 0;
            Resize();
        }
    }
        = DefaultBufferBytes;

    /// <summary>The guest may write: what PORT_OPEN tells it.</summary>
    public bool IsOpen => (IsConnected && _pairing is not { IsDraining: true }) || NeverHolds || Policy == DisconnectPolicy.Discard;

    /// <summary>The host end or a client is there, and not only waits for the guest to be done with the one before.</summary>
    public bool IsConnected => IsSomebodyThere && _pairing is not { IsOver: true };

    /// <summary>Somebody waits until the guest closes the port, which it still has open for one who has left.</summary>
    public bool AwaitsGuestClose => _pairing is { IsOver: true } && (End.IsOpen || Clients.Any(client => client.IsWaiting));

    /// <summary>Bytes for the guest may be there.</summary>
    public bool MayRead => IsConnected || _retired is { IsEmpty: false } || _audience is { HasWriters: true };

    /// <summary>A <see cref="Read"/> may give something now. For diagnosis: it need not be cheap.</summary>
    public bool HasInput => _retired is { IsEmpty: false } || (_audience?.HasInput ?? (End.IsOpen && End.HasInput));

    /// <summary>A program in the guest holds the port open.</summary>
    public bool IsGuestOpen { get; private set; }

    /// <summary>The guest's driver spins until its bytes are taken, so they always are: kept for a while, then dropped.</summary>
    public bool NeverHolds { get; set; }

    /// <summary>Bytes that were taken from the guest and wait here.</summary>
    public bool HoldsBytes => _console is { IsEmpty: false } || _audience is { HoldsBytes: true };

    /// <summary>Bytes the guest wrote that nobody will read.</summary>
    public long DroppedBytes => _dropped + Interlocked.Read(ref _lost);

    /// <summary>Bytes for the guest that were lost: it closed the port, or host end after host end was replaced, before it read them.</summary>
    public long LostInputBytes => Interlocked.Read(ref _unread) + (_retired?.LostBytes ?? 0);

    /// <summary>Those who are served or wait besides the host end, by age. Any thread; replaced as a whole with each change.</summary>
    public IReadOnlyList<ClientState> Clients
    {
        get => Volatile.Read(ref field);
        internal set => Volatile.Write(ref field, value);
    }
        = [];

    /// <summary>Told of every change among the clients.</summary>
    public Action<ClientChange>? ClientsChanged { get; set; }

    /// <summary>After <see cref="Dispose"/>: what all host ends took from the guest has been stored, or given up.</summary>
    public Task Completion => _retired is null ? End.Completion : Task.WhenAll(End.Completion, _retired.Completion);

    private bool IsSomebodyThere => _audience?.IsConnected ?? End.IsOpen;

    /// <summary>Begins to serve.</summary>
    /// <param name="wake">Called when the port should look again.</param>
    /// <exception cref="HostEndException">The host end cannot start.</exception>
    public void Start(Action wake)
    {
        _wake = wake;
        HostEnd end = End;
        Follow(end);
        end.Start(() => OnEndWake(end));
    }

    /// <summary>Takes bytes the guest wrote. Returns how many; 0 = not now, and they stay where they are.</summary>
    /// <param name="source">Pieces of guest memory.</param>
    /// <param name="length">Their sum.</param>
    public long Write(ReadOnlySpan<IoVector> source, long length)
    {
        long taken = _pairing is not null && !NeverHolds && !MayDeliver(_pairing, length, out long dropped) ? dropped
            : _audience is null ? WriteAlone(source, length) : _audience.Write(source, length);
        _taps?.OnMoved(CaptureDirection.FromGuest, source, taken);
        return taken;
    }

    /// <summary>Fills guest memory with bytes from the host. Returns how many; 0 = none now.</summary>
    public long Read(ReadOnlySpan<IoVector> destination)
    {
        long given = _retired is { IsEmpty: false } ? ReadRetired(destination)
            : _audience is not null ? _audience.Read(destination)
            : IsConnected ? End.Read(destination) : 0;
        _taps?.OnMoved(CaptureDirection.ToGuest, destination, given);
        return given;
    }

    public void OnGuestOpen(bool isOpen)
    {
        IsGuestOpen = isOpen;
        _pairing?.OnGuestOpen(isOpen);
        _retired?.OnGuestOpen(isOpen);
        End.OnGuestOpen(isOpen);
        _audience?.OnGuestOpen(isOpen);
    }

    /// <summary>The guest has the port open, and was told that somebody is there.</summary>
    public void Join() => _pairing?.Join();

    /// <summary>After the guest closed the port: no byte that it wrote before will come any more.</summary>
    /// <param name="reason">Why connections end that do so now, for people.</param>
    public void OnGuestDrained(string reason)
    {
        End.OnGuestDrained();
        _audience?.OnGuestDrained();
        bool wasJoined = _pairing is { IsJoined: true };
        bool wasHostThere = _audience?.HasHost ?? End.IsOpen;
        if (_pairing is { IsWaiting: false })
        {
            _retired?.Drop();
        }

        if (wasJoined || _audience is { HasPassing: true })
        {
            _audience?.EndOpening(wasJoined, reason);
        }

        if (wasJoined && wasHostThere)
        {
            End.EndConnection(reason);
        }

        if (_pairing is not null)
        {
            _pairing.OnGuestDrained();
            _audience?.Readmit();
            Wake();
        }
    }

    public void Dispose()
    {
        _isDisposed = true;
        _wake = static () => { };
        _taps?.Dispose();
        _audience?.Dispose();
        _retired?.Dispose();
        End.Dispose();
    }

    internal void Tell(ClientChange change) => ClientsChanged?.Invoke(change);

    internal void Drop(long bytes) => _dropped += bytes;

    /// <summary>Somebody who comes now may be served.</summary>
    internal bool Admits(ClientAccess access) => _pairing?.Admits(access) ?? true;

    /// <summary>The port should look again.</summary>
    internal void Wake()
    {
        if (!IsSomebodyThere)
        {
            _pairing?.OnHostLeft();
        }

        _wake();
    }

    /// <summary>Any thread: a host end, or one before it, had taken bytes that nobody got.</summary>
    private void OnLost(long bytes) => _ = Interlocked.Add(ref _lost, bytes);

    /// <summary>Any thread: bytes for the guest went with the connection they came from.</summary>
    private void OnUnread(long bytes)
    {
        if (bytes > 0)
        {
            _ = Interlocked.Add(ref _unread, bytes);
            _loop.Post(Wake);
        }
    }

    /// <summary>Counts what an end loses, also after it serves no more.</summary>
    private void Follow(HostEnd end)
    {
        end.Lost = OnLost;
        end.Unread = OnUnread;
    }

    /// <summary>An end that is released now may make another lose bytes that the guest has not read.</summary>
    internal bool IsFullOfRetired => _retired is { IsFull: true };

    /// <summary>An end that serves no more, and may have bytes that the guest is to be given first.</summary>
    internal void Release(HostEnd end, bool mayHaveBytes)
    {
        if (mayHaveBytes)
        {
            _retired ??= new RetiredEnds();
            _retired.Add(end);
        }
        else
        {
            end.Dispose();
        }
    }

    /// <summary>The audience had a turn of its own, in which it may have become superfluous.</summary>
    internal void OnAudienceTurn() => DoWithoutAudience();

    private long WriteAlone(ReadOnlySpan<IoVector> source, long length)
    {
        if (NeverHolds)
        {
            _console ??= new ConsoleBuffer(BufferBytes);
            _dropped += _console.Write(End, source, length);
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
            _dropped += length;
            return length;
        }

        return 0;
    }

    private long ReadRetired(ReadOnlySpan<IoVector> destination)
    {
        long given = _retired!.Read(destination);
        if (given > 0)
        {
            // Whose bytes these are has left, and the program that reads them is the one that they were for.
            _pairing?.Join();
        }

        // Less than there was room for, but the next end may have more.
        Wake();
        return given;
    }

    /// <summary>Where openings are paired: the bytes of one go to its own connection or to nobody.</summary>
    private bool MayDeliver(Pairing pairing, long length, out long dropped)
    {
        dropped = pairing.IsOver ? length : 0;
        _dropped += dropped;
        if (pairing is { IsWaiting: true, IsDraining: true } && IsSomebodyThere)
        {
            // Nobody was there while the program was: who comes first is the one.
            pairing.Join();
        }

        return pairing.IsJoined;
    }

    private void OnEndWake(HostEnd end)
    {
        if (_isDisposed || (!ReferenceEquals(end, End) && _retired?.Contains(end) != true))
        {
            return;
        }

        if (ReferenceEquals(end, End))
        {
            TakeClients(end);
            _console?.TryFlush(end);
            _audience?.OnHostWake();
            DoWithoutAudience();
        }

        Wake();
    }

    private void Resize()
    {
        if (HistoryBytes > 0)
        {
            _ = EnsureAudience();
        }

        _audience?.Reserve();
        DoWithoutAudience();
    }

    private Audience EnsureAudience()
    {
        if (_audience is null)
        {
            _audience = new Audience(this, _loop);
            _console?.MoveTo(_audience);
            _console = null;
        }

        return _audience;
    }

    private void DoWithoutAudience()
    {
        if (_audience is { IsNeeded: false, IsBusy: false })
        {
            _audience.Dispose();
            _audience = null;
        }
    }
}
