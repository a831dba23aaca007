using VmChannel.Device.Loop;
using VmChannel.Native;

namespace VmChannel.Device.Channels;

/// <summary>Everybody a channel is served by once the host end is not alone, or a history is kept. Loop thread only.</summary>
/// <remarks>
/// One of them is the <em>holder</em>: the host end if it is open, else the queued client whose turn it is, else the oldest
/// client. It takes the guest's bytes from guest memory, and it alone lets the guest wait. What it took is copied once into
/// the history, and the others follow there, each at its own position. A new holder first goes through what it has not had.
/// <para>
/// Ends may tell news from inside a call that is made to them. While such a call is under way news are only noted.
/// </para>
/// </remarks>
internal sealed partial class Audience : Runnable, IDisposable
{
    /// <summary>Bytes one write appends at most, so that a client within its bounds is never overtaken by it.</summary>
    private const int BytesPerWrite = 256 * 1024;

    private readonly Channel _channel;
    private readonly DeviceLoop _loop;
    private readonly List<Client> _clients = [];
    private readonly History _history = new();
    private Client _host;
    private Client? _holder;
    private long _delivered;
    private long _openingStart;
    private int _writers;
    private bool _isBusy;
    private bool _hasNews;

    /// <param name="channel">Whose it is; its host end is served from here from now on.</param>
    /// <param name="loop">Gives turns to those who follow.</param>
    public Audience(Channel channel, DeviceLoop loop)
    {
        _channel = channel;
        _loop = loop;
        _host = Seat(channel.End);
        Reserve();
        if (channel.IsConnected)
        {
            _host.IsPresent = true;
            Serve(_host);
        }

        Settle();
    }

    /// <summary>Somebody takes the guest's bytes.</summary>
    public bool IsConnected => _holder is not null;

    /// <summary>Bytes were taken from the guest that no holder has taken yet: a console's.</summary>
    public bool HoldsBytes => _delivered < _history.End;

    /// <summary>A call to somebody is under way.</summary>
    public bool IsBusy => _isBusy;

    /// <summary>Somebody leaves when the guest closes the port.</summary>
    public bool HasPassing => _clients.Exists(client => client is { UntilGuestCloses: true, EndsAt: null });

    /// <summary>The host end's connection is one that is served.</summary>
    public bool HasHost => _host.IsPresent;

    /// <summary>There is somebody whose bytes go to the guest.</summary>
    public bool HasWriters => _writers > 0;

    /// <summary>One who may write to the guest has something.</summary>
    public bool HasInput
        => (_host is { IsPresent: true, End.HasInput: true } && MayWrite(_host))
            || _clients.Exists(client => client is { IsPresent: true, IsServed: true, End.HasInput: true } && MayWrite(client));

    /// <summary>The host end alone, which has had everything, could do without.</summary>
    public bool IsNeeded => _clients.Count > 0 || _channel.HistoryBytes > 0 || HoldsBytes || _holder?.Position < _history.End;

    /// <summary>Bytes behind the guest at which a client is dropped.</summary>
    private int Bound => Math.Max(_channel.HistoryBytes, _channel.BufferBytes);

    private int Needed
    {
        get
        {
            int console = _channel.NeverHolds ? _channel.BufferBytes : 0;
            return _clients.Count > 0 ? Math.Max(Bound, console) + BytesPerWrite : Math.Max(_channel.HistoryBytes, console);
        }
    }

    /// <summary>A client is there from now on. It has been started with a wake-up that ends in <see cref="OnWake"/>.</summary>
    public void Add(Client client)
    {
        _clients.Add(client);
        Reserve();
        OnWake(client);
    }

    public Client? Find(HostEnd end) => _clients.Find(client => ReferenceEquals(client.End, end));

    /// <summary>The channel has another host end. Those who came through the old one leave: the result says which may have bytes for the guest.</summary>
    public List<(HostEnd End, bool MayWrite)> ReplaceHost(HostEnd next)
    {
        List<(HostEnd, bool)> left = [];
        foreach (Client client in _clients.Where(client => ReferenceEquals(client.Origin, _host.End)).ToArray())
        {
            left.Add((client.End, client.IsServed && MayWrite(client)));
            _ = _clients.Remove(client);
            TellGone(client, "the host end was replaced");
        }

        _host = Seat(next);
        Settle();
        _loop.Schedule(this);
        return left;
    }

    /// <summary>History or buffer are larger now.</summary>
    public void Reserve() => _history.Reserve(Needed);

    /// <summary>Bytes that were taken from the guest before and that nobody has had.</summary>
    public void Inherit(ReadOnlySpan<IoVector> pieces, long length)
    {
        _history.Reserve((int)length);
        _history.Append(pieces, length);
        _loop.Schedule(this);
    }

    /// <summary>News of the host end.</summary>
    public void OnHostWake() => OnWake(_host);

    /// <summary>News of somebody: here or gone, or ready for more.</summary>
    public void OnWake(Client client)
    {
        if (_isBusy)
        {
            _hasNews = true;
            return;
        }

        if (client.End.IsOpen != client.IsPresent || client.End.IsLeaving)
        {
            Settle();
        }

        if (client.IsServed && client.IsPresent)
        {
            Advance(client);

            // It may have left meanwhile.
            if (client.IsPresent && !MayWrite(client) && DropInput(client))
            {
                _loop.Schedule(this);
            }
        }
    }

    /// <summary>The guest closed the port: for these clients that was the end. Those who are behind still get what they have not had.</summary>
    /// <param name="all">Everybody's but an observer's, who is no part of what the guest talks to; otherwise theirs who asked for it.</param>
    /// <param name="reason">For people.</param>
    public void EndOpening(bool all, string reason)
    {
        foreach (Client client in _clients)
        {
            if (client is { IsServed: true, IsPresent: true, EndsAt: null }
                && (client.UntilGuestCloses || (all && client.Access != ClientAccess.Observer)))
            {
                client.EndsAt = _history.End;
                client.EndReason = reason;
            }
        }

        _openingStart = all ? _history.End : _openingStart;
        Settle();
    }

    /// <summary>Those who waited may be let in now.</summary>
    public void Readmit() => Settle();

    public void OnGuestDrained()
    {
        foreach (Client client in _clients)
        {
            if (client.IsServed)
            {
                client.End.OnGuestDrained();
            }
        }
    }

    public void OnGuestOpen(bool isOpen)
    {
        foreach (Client client in _clients)
        {
            if (client.IsServed)
            {
                client.End.OnGuestOpen(isOpen);
            }
        }
    }

    public void Dispose()
    {
        _isBusy = true;
        foreach (Client client in _clients)
        {
            client.End.Dispose();
        }

        _clients.Clear();
        _holder = null;
        _channel.Clients = [];
    }

    private static Client Seat(HostEnd end) => new(0, end, ClientAccess.Shared, origin: null);

    private bool MayWrite(Client client) => client.Access switch
    {
        _ when client.EndsAt is not null => false,
        _ when client.IsLeaving => true,
        ClientAccess.Writer => true,
        ClientAccess.Observer => false,
        _ => ReferenceEquals(client, _holder),
    };

    private void TellGone(Client client, string reason)
    {
        if (client.IsPresent)
        {
            _channel.Tell(new(ClientChangeKind.Disconnected, client.Id, client.End.Description, reason));
        }
    }

    private bool Enter()
    {
        bool wasBusy = _isBusy;
        _isBusy = true;
        return wasBusy;
    }

    private void Leave(bool wasBusy)
    {
        _isBusy = wasBusy;
        if (!wasBusy && _hasNews)
        {
            Settle();
            _loop.Schedule(this);
            _channel.Wake();
        }
    }

    /// <summary>Finds out who is there, who holds the channel, and whose turn has come.</summary>
    private void Settle()
    {
        bool wasBusy = Enter();
        do
        {
            _hasNews = false;
            for (int i = 0; i < _clients.Count;)
            {
                i += Look(_clients[i]) ? 1 : 0;
            }

            bool isHostThere = _host.End.IsOpen && (_host.IsPresent || _channel.Admits(_host.Access));
            if (isHostThere && !_host.IsPresent)
            {
                Serve(_host);
            }

            _host.IsPresent = isHostThere;
            Elect();
            if (_hasNews)
            {
                _loop.Schedule(this);
            }
        }
        while (_hasNews);
        _isBusy = wasBusy;
        Trim();
        Publish();
    }

    /// <summary>Memory that those who left needed.</summary>
    private void Trim()
    {
        long oldest = _host.IsPresent ? Math.Min(_delivered, _host.Position) : _delivered;
        foreach (Client client in _clients)
        {
            oldest = client is { IsPresent: true, IsServed: true, IsLeaving: false } ? Math.Min(oldest, client.Position) : oldest;
        }

        _history.Trim(Math.Max(Needed, _history.End - oldest));
    }

    /// <summary>Notes whether a client came or left. False when it is not on the list any more.</summary>
    private bool Look(Client client)
    {
        // One that left must not keep the others from the guest's bytes until the guest wants what it had sent.
        bool isLeaving = client is { IsServed: true, Access: not ClientAccess.Queued, End.IsLeaving: true };
        bool mayHaveBytes = isLeaving && MayWrite(client);
        client.IsLeaving = mayHaveBytes && _channel.IsFullOfRetired;
        bool isThere = client.End.IsOpen && (!isLeaving || client.IsLeaving);
        if (isThere && client.HasAll)
        {
            _ = _clients.Remove(client);
            client.End.EndConnection(client.EndReason!);
            TellGone(client, client.EndReason!);
            client.End.Dispose();
            return false;
        }

        if (isThere == client.IsPresent)
        {
            if (client is { IsPresent: true, IsServed: false, Access: not ClientAccess.Queued } && _channel.Admits(client.Access))
            {
                Serve(client);
            }

            return true;
        }

        client.IsPresent = isThere;
        _channel.Tell(new(
            isThere ? ClientChangeKind.Connected : ClientChangeKind.Disconnected, client.Id, client.End.Description, client.End.Detail));
        if (!isThere)
        {
            _ = _clients.Remove(client);
            _channel.Release(client.End, mayHaveBytes);
            return false;
        }

        if (client.Access != ClientAccess.Queued && _channel.Admits(client.Access))
        {
            Serve(client);
        }

        return true;
    }

    private void Elect()
    {
        Client? next = _host.IsPresent
            ? _host
            : _clients.Find(client => client.Access == ClientAccess.Queued && MayHold(client))
                ?? _clients.Find(client => !client.IsLeaving && MayHold(client));
        if (ReferenceEquals(next, _holder))
        {
            return;
        }

        bool isLater = _holder is not null || next is { IsServed: true, Counters.TakenBytes: > 0 };
        _holder = next;
        if (next is null || ReferenceEquals(next, _host))
        {
            return;
        }

        if (!next.IsServed)
        {
            Serve(next);
        }

        if (isLater)
        {
            _channel.Tell(new(ClientChangeKind.Promoted, next.Id, next.End.Description, null));
        }
    }

    /// <summary>An observer alone is nobody to talk to where each opening has a connection of its own.</summary>
    private bool MayHold(Client client)
        => client is { IsPresent: true, EndsAt: null } && (client.IsServed || _channel.Admits(client.Access))
            && (client.Access != ClientAccess.Observer || !_channel.IsPaired);

    /// <summary>Its turn begins: with what nobody has had, or with the last of what was written before.</summary>
    private void Serve(Client client)
    {
        client.IsServed = true;
        client.Position = Math.Max(
            Math.Max(_history.Start, _openingStart), Math.Min(_delivered, _history.End - _channel.HistoryBytes));
        if (!ReferenceEquals(client, _host) && _channel.IsGuestOpen)
        {
            client.End.OnGuestOpen(true);
        }

        _loop.Schedule(this);
    }

    private void Publish()
    {
        _writers = (_host.IsPresent ? 1 : 0) + _clients.Count(client => client is { IsPresent: true, IsServed: true } && MayWrite(client));
        _channel.Clients =
        [
            .. _clients.Where(client => client.IsPresent).Select(client => new ClientState(
                client.Id,
                client.End.Description,
                client.Since,
                client.Access,
                IsHolder: ReferenceEquals(client, _holder),
                MayWrite: client.IsServed && MayWrite(client),
                IsWaiting: !client.IsServed,
                client.Counters)),
        ];
    }
}
