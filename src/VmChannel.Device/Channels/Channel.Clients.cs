namespace VmChannel.Device.Channels;

/// <content>Who serves the channel besides, or instead of, its host end.</content>
public sealed partial class Channel
{
    /// <summary>Starts a host end that is to serve the channel later, with <see cref="Adopt"/>. Until then nothing is moved to or from it.</summary>
    /// <param name="next">Not started; disposed after a failure, the caller's otherwise.</param>
    /// <exception cref="HostEndException">It cannot start: everything is as it was.</exception>
    public void Prepare(HostEnd next)
    {
        Follow(next);
        next.IsPaired = IsPaired;
        StartOrDispose(next, () => OnEndWake(next));
    }

    /// <summary>Another host end serves the channel from now on. The guest notices at most that host-open follows the new one.</summary>
    /// <remarks>
    /// The guest's bytes go on where they are. What the old end, and clients that came through it, had received for the guest
    /// is given to it before anything of the new one; they take nothing more.
    /// </remarks>
    /// <param name="next">Started by <see cref="Prepare"/>; owned from here on.</param>
    public void Adopt(HostEnd next)
    {
        HostEnd old = End;
        _retired ??= new RetiredEnds();
        End = next;
        next.IsPaired = IsPaired;
        _retired.Add(old);
        if (_audience is null)
        {
            _pairing?.OnHostLeft();
        }

        if (IsGuestOpen)
        {
            next.OnGuestOpen(true);
        }

        foreach ((HostEnd client, bool mayWrite) in _audience?.ReplaceHost(next) ?? [])
        {
            Release(client, mayWrite);
        }

        OnEndWake(next);
    }

    /// <summary>Serves somebody besides the host end, or while there is none.</summary>
    /// <param name="client">Not started; owned from here on, also after a failure.</param>
    /// <param name="access">What it is given.</param>
    /// <param name="untilGuestCloses">It leaves when the guest closes the port, after what the guest wrote before.</param>
    /// <returns>The client's <see cref="ClientState.Id"/>.</returns>
    /// <exception cref="HostEndException">It cannot start.</exception>
    public int AddClient(HostEnd client, ClientAccess access, bool untilGuestCloses = false)
        => Add(client, access, origin: null, untilGuestCloses);

    /// <summary>Shows every byte that is moved, both ways, to somebody.</summary>
    public void AddTap(ITap tap)
    {
        _taps ??= new TapSet();
        _taps.Add(tap);
    }

    /// <summary>Ends that. False when it had not been added.</summary>
    public bool RemoveTap(ITap tap)
    {
        bool wasThere = _taps?.Remove(tap) ?? false;
        _taps = _taps is { IsEmpty: true } ? null : _taps;
        return wasThere;
    }

    private int Add(HostEnd end, ClientAccess access, HostEnd? origin, bool untilGuestCloses = false)
    {
        Client client = new(++_lastId, end, access, origin, untilGuestCloses);
        Follow(end);
        StartOrDispose(end, () => OnClientWake(client));
        EnsureAudience().Add(client);
        Wake();
        return client.Id;
    }

    private static void StartOrDispose(HostEnd end, Action wake)
    {
        try
        {
            end.Start(wake);
        }
        catch
        {
            end.Dispose();
            throw;
        }
    }

    private void OnClientWake(Client client)
    {
        if (_audience is { } audience && audience.Find(client.End) is not null)
        {
            audience.OnWake(client);
            DoWithoutAudience();
            Wake();
        }
    }

    /// <summary>Those who came to a host end that takes several.</summary>
    private void TakeClients(HostEnd end)
    {
        while (end.TakeClient() is { } arrival)
        {
            try
            {
                _ = Add(arrival.End, arrival.Access, end);
            }
            catch (HostEndException e)
            {
                Tell(new(ClientChangeKind.Dropped, _lastId, arrival.End.Description, e.Message));
            }
        }
    }
}
