using VmChannel.Native;

namespace VmChannel.Device.Channels;

/// <summary>What serves a channel on the host: a chardev or an in-process service. Loop thread only.</summary>
/// <remarks>
/// The only thing it tells upstream is a bare wake-up (<see cref="Wake"/>): "look at me again". The channel then looks
/// at <see cref="IsOpen"/> and tries to move bytes both ways. A wake-up follows every change of <see cref="IsOpen"/>
/// or <see cref="Detail"/>, and every time a <see cref="Read"/> or <see cref="Write"/> that moved less than it was offered could move more.
/// </remarks>
public abstract class HostEnd : IDisposable
{
    private Action? _wake;
    private long _lostBytes;

    /// <summary>How a person would name it, such as <c>unix:/run/fish.sock</c>.</summary>
    public abstract string Description { get; }

    /// <summary>Somebody is there to take bytes: guest-visible as host-open.</summary>
    public bool IsOpen { get; private set; }

    /// <summary>Nobody takes bytes any more, though it is open as long as bytes for the guest are left.</summary>
    public virtual bool IsLeaving => false;

    /// <summary>Why it is not open, or who is there, for the log; null when there is nothing to say.</summary>
    public string? Detail { get; private set; }

    /// <summary>Done when the guest may be shown the device: at once, unless somebody is to be there first.</summary>
    /// <remarks>It fails with a <see cref="HostEndException"/> when nobody can ever be there.</remarks>
    public virtual Task Ready => Task.CompletedTask;

    /// <summary>A <see cref="Read"/> may give something now. For diagnosis: it need not be cheap.</summary>
    public virtual bool HasInput => IsOpen;

    /// <summary>Peers that were sent away because they may not be here. A wake-up follows each.</summary>
    public long RefusedPeers { get; private set; }

    /// <summary>Who the last of them was; null before the first.</summary>
    public string? LastRefused { get; private set; }

    /// <summary>Bytes taken from the guest that nobody got, or that may have been cut off on their way. Any thread.</summary>
    public long LostBytes => Interlocked.Read(ref _lostBytes);

    /// <summary>Told of them as they are counted, on any thread, also after <see cref="Dispose()"/>.</summary>
    public Action<long>? Lost { get; set; }

    /// <summary>Told of bytes for the guest that were dropped with the connection they came from. Any thread, also after <see cref="Dispose()"/>.</summary>
    public Action<long>? Unread { get; set; }

    /// <summary>After <see cref="Dispose()"/>: what was taken from the guest has been stored, or given up.</summary>
    public virtual Task Completion => Task.CompletedTask;

    /// <summary>Each peer belongs to one opening in the guest: what is still held for one that has left is not for the next.</summary>
    public bool IsPaired { get; set; }

    /// <summary>Begins to serve: listens, connects, opens.</summary>
    /// <param name="wake">Called on the loop thread whenever the channel should look again.</param>
    /// <exception cref="HostEndException">It cannot: the message says what and what to do.</exception>
    public void Start(Action wake)
    {
        _wake = wake;
        OnStart();
    }

    /// <summary>Takes bytes the guest wrote, in order. Never blocks.</summary>
    /// <param name="source">Pieces of guest memory, already checked; at most <see cref="IoVector.MaxCount"/>.</param>
    /// <returns>Bytes taken; 0 = not now.</returns>
    public abstract long Write(ReadOnlySpan<IoVector> source);

    /// <summary>Fills pieces of guest memory with bytes for the guest, in order. Never blocks.</summary>
    /// <returns>Bytes given; 0 = nothing now.</returns>
    public abstract long Read(ReadOnlySpan<IoVector> destination);

    /// <summary>A program in the guest opened or closed the port.</summary>
    public virtual void OnGuestOpen(bool isOpen)
    {
    }

    /// <summary>After the guest closed the port: no byte that it wrote before will come any more.</summary>
    public virtual void OnGuestDrained()
    {
    }

    /// <summary>The next of those who came to be served through this end and are not taken yet; null when there is none.</summary>
    /// <remarks>For ends that take several at a time. A wake-up follows every arrival.</remarks>
    public virtual ClientArrival? TakeClient() => null;

    /// <summary>
    /// The guest is done with whoever is connected: he finds the end of the stream behind what was written, and what he sent
    /// and nobody has read is dropped. Somebody new may come. Nothing happens to an end that has no connections.
    /// </summary>
    /// <param name="reason">For people.</param>
    public virtual void EndConnection(string reason)
    {
    }

    /// <summary>Another end takes its place: it takes nothing more from the other side, and nobody new.</summary>
    /// <returns>Bytes for the guest that it holds already; they can still be read. 0 = it may be disposed at once.</returns>
    public virtual long Retire() => 0;

    /// <summary>Ends: closes descriptors, removes socket files and links it made.</summary>
    public void Dispose()
    {
        Dispose(disposing: true);
        GC.SuppressFinalize(this);
    }

    protected abstract void OnStart();

    protected virtual void Dispose(bool disposing) => _wake = null;

    /// <summary>Sets <see cref="IsOpen"/> and <see cref="Detail"/>, and wakes the channel when that changed something.</summary>
    protected void SetOpen(bool isOpen, string? detail)
    {
        bool changed = isOpen != IsOpen || detail != Detail;
        IsOpen = isOpen;
        Detail = detail;
        if (changed)
        {
            Wake();
        }
    }

    /// <summary>Sent a peer away.</summary>
    /// <param name="who">For people.</param>
    protected void CountRefused(string who)
    {
        RefusedPeers++;
        LastRefused = who;
        Wake();
    }

    /// <summary>Any thread: gave up bytes that it had taken from the guest.</summary>
    protected void CountLost(long bytes)
    {
        _ = Interlocked.Add(ref _lostBytes, bytes);
        Lost?.Invoke(bytes);
    }

    /// <summary>Any thread: dropped bytes for the guest, because the connection they came from has ended.</summary>
    protected void CountUnread(long bytes) => Unread?.Invoke(bytes);

    protected void Wake() => _wake?.Invoke();
}
