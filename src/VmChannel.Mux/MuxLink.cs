namespace VmChannel.Mux;

/// <summary>A session that is made anew when it ends: over channels that are opened again, such as those of a guest that restarts.</summary>
/// <remarks>Thread-safe. Nothing is opened before the first stream is asked for. Streams end with their session.</remarks>
public sealed class MuxLink : IAsyncDisposable
{
    private static readonly TimeSpan ShortestPause = TimeSpan.FromMilliseconds(50);
    private static readonly TimeSpan LongestPause = TimeSpan.FromSeconds(2);

    private readonly Func<CancellationToken, ValueTask<Stream>> _open;
    private readonly MuxOptions _options;
    private readonly Lock _gate = new();
    private readonly CancellationTokenSource _over = new();
    private Attempt? _attempt;
    private bool _isDisposed;

    /// <param name="open">Opens the channel at this end; called again after each session.</param>
    /// <param name="options">Limits of each session; null = the usual ones.</param>
    public MuxLink(Func<CancellationToken, ValueTask<Stream>> open, MuxOptions? options = null)
    {
        _open = open;
        _options = options ?? new MuxOptions();
        _options.Validate();
    }

    /// <summary>Told why a session ended, or could not begin while streams are waited for; on any thread.</summary>
    public Action<Exception>? Interrupted { get; init; }

    /// <summary>Opens a stream, in a new session if there is none.</summary>
    /// <param name="cancellationToken">Ends the waiting: without it, this waits until the other end is there.</param>
    /// <exception cref="IOException">The channel could not be opened, or its other end is no mux.</exception>
    public async ValueTask<MuxStream> OpenStreamAsync(CancellationToken cancellationToken = default)
    {
        while (true)
        {
            MuxChannel session = await ConnectAsync(cancellationToken);
            try
            {
                return await session.OpenStreamAsync(cancellationToken);
            }
            catch (MuxException)
            {
                // It ended in between: the next one is asked, or says why there is none.
                await session.Completion.WaitAsync(cancellationToken);
            }
        }
    }

    /// <summary>Waits for the other end to open a stream, over as many sessions as it takes.</summary>
    public async ValueTask<MuxStream> AcceptStreamAsync(CancellationToken cancellationToken = default)
    {
        for (TimeSpan pause = ShortestPause; ;)
        {
            try
            {
                MuxChannel session = await ConnectAsync(cancellationToken);
                pause = ShortestPause;
                return await session.AcceptStreamAsync(cancellationToken);
            }
            catch (Exception e) when (e is not OperationCanceledException and not ObjectDisposedException)
            {
                Interrupted?.Invoke(e);
                if (e is MuxException { IsPeerRestarted: true })
                {
                    continue;
                }
            }

            await Task.Delay(pause, cancellationToken);
            pause = pause * 2 < LongestPause ? pause * 2 : LongestPause;
        }
    }

    /// <summary>Ends the session, if there is one.</summary>
    public async ValueTask DisposeAsync()
    {
        Attempt? last;
        lock (_gate)
        {
            if (_isDisposed)
            {
                return;
            }

            _isDisposed = true;
            last = _attempt;
        }

        await _over.CancelAsync();
        if (last is not null)
        {
            await last.EndAsync();
        }

        _over.Dispose();
    }

    /// <summary>The session there is, or the one that is begun now. It is given up when nobody waits for it any more.</summary>
    private async Task<MuxChannel> ConnectAsync(CancellationToken cancellationToken)
    {
        Attempt attempt;
        lock (_gate)
        {
            ObjectDisposedException.ThrowIf(_isDisposed, this);
            if (_attempt is not { IsUsable: true })
            {
                _attempt = new Attempt(_open, _options, _attempt, _over.Token);
            }

            attempt = _attempt;
            attempt.Waiting++;
        }

        try
        {
            return await attempt.Session.WaitAsync(cancellationToken);
        }
        finally
        {
            lock (_gate)
            {
                if (--attempt.Waiting == 0 && !attempt.Session.IsCompleted)
                {
                    attempt.GiveUp();
                }
            }
        }
    }

    /// <summary>One opening of the channel, and the session over it.</summary>
    private sealed class Attempt
    {
        private readonly CancellationTokenSource _stop;

        public Attempt(
            Func<CancellationToken, ValueTask<Stream>> open, MuxOptions options, Attempt? before, CancellationToken over)
        {
            _stop = CancellationTokenSource.CreateLinkedTokenSource(over);
            Session = Task.Run(() => BeginAsync(open, options, before));
        }

        public Task<MuxChannel> Session { get; }

        /// <summary>Callers that want the session.</summary>
        public int Waiting { get; set; }

        public bool IsUsable
            => Session.IsCompletedSuccessfully ? Session.Result.EndReason is null : !Session.IsCompleted && !_stop.IsCancellationRequested;

        public void GiveUp() => _stop.Cancel();

        public async Task EndAsync()
        {
            await _stop.CancelAsync();
            await ((Task)Session).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            if (Session.IsCompletedSuccessfully)
            {
                await (await Session).DisposeAsync();
            }

            _stop.Dispose();
        }

        private async Task<MuxChannel> BeginAsync(
            Func<CancellationToken, ValueTask<Stream>> open, MuxOptions options, Attempt? before)
        {
            if (before is not null)
            {
                // One opening at a time: the channel may take no more.
                await before.EndAsync();
            }

            for (TimeSpan pause = ShortestPause; ; pause = pause * 2 < LongestPause ? pause * 2 : LongestPause)
            {
                Stream transport = await open(_stop.Token);
                try
                {
                    return await MuxChannel.ConnectAsync(transport, options, _stop.Token);
                }
                catch (MuxException e) when (e.IsEarlyEnd)
                {
                    // As when the other end closes the channel because of the session before, and opens it again.
                }

                await Task.Delay(pause, _stop.Token);
            }
        }
    }
}
