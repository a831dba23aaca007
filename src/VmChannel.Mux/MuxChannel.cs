using System.Collections.Concurrent;
using System.Diagnostics.CodeAnalysis;
using System.Threading.Channels;

namespace VmChannel.Mux;

/// <summary>A session: many streams over one channel, or any other duplex stream. Both ends can open streams.</summary>
/// <remarks>
/// Thread-safe. Each stream has a window of its own, so one that nobody reads stops no other, and what a bulk transfer has on
/// the way is bounded. The session ends with the channel, when the other end breaks the protocol, or was opened anew; then
/// every stream fails, and <see cref="MuxLink"/> makes a new session.
/// </remarks>
[SuppressMessage("Usage", "CA2213", Justification = "They end with the session: see RunAsync.")]
public sealed class MuxChannel : IAsyncDisposable, IMuxSink
{
    private const uint LastId = int.MaxValue;
    private static readonly TimeSpan GoodbyeTime = TimeSpan.FromMilliseconds(500);

    private readonly Stream _transport;
    private readonly MuxOptions _options;
    private readonly MuxOutlet _outlet = new();
    private readonly MuxAnswers _answers;
    private readonly ConcurrentDictionary<uint, MuxStream> _streams = new();
    private readonly Channel<MuxStream> _accepted = Channel.CreateUnbounded<MuxStream>();
    private readonly SemaphoreSlim _ourRoom = new(MuxOptions.DefaultMaxStreams);
    private readonly CancellationTokenSource _stopReading = new();
    private readonly CancellationTokenSource _stopWriting = new();
    private readonly int _theirWindow;
    private readonly uint _ourParity;
    private readonly Lock _opening = new();
    private readonly TaskCompletionSource _goodbye = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private uint _lastOurs;
    private uint _lastTheirs;
    private int _theirCount;
    private volatile MuxException? _end;

    private MuxChannel(Stream transport, MuxOptions options, MuxHandshake handshake, MuxBuffer buffer)
    {
        _transport = transport;
        _options = options;
        _answers = new MuxAnswers(_outlet);
        _theirWindow = handshake.Peer.Window == 0 ? MuxOptions.DefaultWindowBytes : (int)Math.Min(handshake.Peer.Window, MuxOptions.MaxWindowBytes);
        bool isOdd = handshake.Nonce.CompareTo(handshake.Peer.Sender) > 0;
        _ourParity = isOdd ? 1u : 0u;
        _lastOurs = isOdd ? uint.MaxValue : 0;
        Completion = RunAsync(new MuxIntake(handshake.Nonce, handshake.Peer.Sender, this), buffer);
    }

    /// <summary>Completes when the session has ended; never faults. <see cref="EndReason"/> says why it did.</summary>
    public Task Completion { get; }

    /// <summary>Why the session has ended; null before.</summary>
    public MuxException? EndReason => _end;

    /// <summary>Finds the other end's mux, and begins a session with it.</summary>
    /// <param name="transport">A channel, opened at this end; the session's from now on, and disposed with it, or when this fails.</param>
    /// <param name="options">Limits; null = the usual ones.</param>
    /// <param name="cancellationToken">Ends the waiting: without it, this waits until somebody is there, however long.</param>
    /// <exception cref="MuxException">The channel ended, or its other end is no mux of this version.</exception>
    public static async Task<MuxChannel> ConnectAsync(Stream transport, MuxOptions? options = null, CancellationToken cancellationToken = default)
    {
        options ??= new MuxOptions();
        options.Validate();
        MuxBuffer buffer = new();
        MuxHandshake handshake = new(transport, options, buffer);
        try
        {
            await handshake.RunAsync(cancellationToken);
        }
        catch (Exception e)
        {
            await transport.DisposeAsync();
            if (e is IOException and not MuxException)
            {
                throw new MuxException($"the channel broke before a mux answered at its other end: {e.Message}", e) { IsEarlyEnd = true };
            }

            throw;
        }

        return new MuxChannel(transport, options, handshake, buffer);
    }

    /// <summary>Opens a stream. The other end sees it with its first bytes, or a moment later.</summary>
    /// <param name="cancellationToken">Ends the waiting, which begins when 1024 streams are open.</param>
    /// <exception cref="MuxException">The session has ended.</exception>
    public async ValueTask<MuxStream> OpenStreamAsync(CancellationToken cancellationToken = default)
    {
        ThrowIfOver();
        await _ourRoom.WaitAsync(cancellationToken);
        MuxStream stream = Open();
        if (Completion.IsCompleted)
        {
            // It ended while the stream was made, and may not have seen it.
            Fail(stream, _end!);
            ThrowIfOver();
        }

        return stream;
    }

    /// <summary>Waits for the other end to open a stream.</summary>
    /// <exception cref="MuxException">The session has ended.</exception>
    public async ValueTask<MuxStream> AcceptStreamAsync(CancellationToken cancellationToken = default)
    {
        try
        {
            return await _accepted.Reader.ReadAsync(cancellationToken);
        }
        catch (ChannelClosedException)
        {
            throw Over();
        }
    }

    /// <summary>Ends the session, with all streams, and the channel below it. The other end is told if it reads.</summary>
    public async ValueTask DisposeAsync()
    {
        End(new MuxException("the session was ended here"));
        await Completion;
    }

    MuxStream? IMuxSink.Begin(MuxFrame frame)
    {
        MuxStream? stream = Find(frame);
        return stream is null || stream.Intake.TryReserve(frame.Length)
            ? stream
            : throw MuxException.Breach($"the other end sent more of stream {frame.StreamId} than it was allowed to");
    }

    void IMuxSink.End(MuxFrame frame, MuxStream? stream)
    {
        if (stream is not null)
        {
            TakeEnd(frame, stream);
        }
    }

    void IMuxSink.Take(MuxFrame frame)
    {
        switch (frame.Type)
        {
            case MuxFrameType.Ping:
                Answer(frame.Flags.HasFlag(MuxFrameFlags.Syn) ? frame with { Flags = MuxFrameFlags.Ack } : null);
                break;
            case MuxFrameType.GoAway:
                throw new MuxException(frame.Length == (uint)GoAwayCode.Normal
                    ? "the other end has ended the session"
                    : "the other end has ended the session: it saw a breach of the protocol");
            default:
                if (Find(frame) is MuxStream stream)
                {
                    if (!stream.Outgoing.TryGrant(frame.Length))
                    {
                        throw MuxException.Breach($"the other end takes more of stream {frame.StreamId} than can be");
                    }

                    TakeEnd(frame, stream);
                }

                break;
        }
    }

    private MuxStream Open()
    {
        lock (_opening)
        {
            uint id = unchecked(_lastOurs + 2);
            if (id > LastId)
            {
                End(new MuxException("the session has no numbers left for streams"));
                throw Over();
            }

            // The other end sees numbers go up: they are announced in the order in which they were taken.
            Volatile.Write(ref _lastOurs, id);
            MuxStream stream = new(_outlet, id, isOurs: true, _options.WindowBytes, _theirWindow);
            _streams[id] = stream;
            stream.Outgoing.Queue();
            return stream;
        }
    }

    /// <summary>The stream of a frame, which may open it; null when it is over, or is refused.</summary>
    private MuxStream? Find(MuxFrame frame)
    {
        if (!frame.Flags.HasFlag(MuxFrameFlags.Syn))
        {
            return _streams.TryGetValue(frame.StreamId, out MuxStream? known) || IsPast(frame.StreamId)
                ? known
                : throw MuxException.Breach($"the other end uses stream {frame.StreamId}, which was never opened");
        }

        if ((frame.StreamId & 1) == _ourParity || frame.StreamId <= _lastTheirs)
        {
            throw MuxException.Breach($"the other end opens stream {frame.StreamId}, which is not its to open");
        }

        _lastTheirs = frame.StreamId;
        if (Volatile.Read(ref _theirCount) >= _options.MaxStreams || _accepted.Reader.Count >= _options.MaxStreams)
        {
            Answer(new MuxFrame(MuxFrameType.WindowUpdate, MuxFrameFlags.Rst, frame.StreamId, 0));
            return null;
        }

        _ = Interlocked.Increment(ref _theirCount);
        MuxStream stream = new(_outlet, frame.StreamId, isOurs: false, _options.WindowBytes, _theirWindow);
        _streams[frame.StreamId] = stream;
        stream.Outgoing.Queue();
        _ = _accepted.Writer.TryWrite(stream);
        return stream;
    }

    private bool IsPast(uint id)
        => (id & 1) == _ourParity ? unchecked((int)(Volatile.Read(ref _lastOurs) - id)) >= 0 : id <= _lastTheirs;

    private void TakeEnd(MuxFrame frame, MuxStream stream)
    {
        if (frame.Flags.HasFlag(MuxFrameFlags.Rst))
        {
            MuxException reason = new("the other end aborted the stream, or refused it");
            stream.Intake.End(reason);
            stream.Outgoing.Fail(reason);
        }
        else if (frame.Flags.HasFlag(MuxFrameFlags.Fin))
        {
            stream.Intake.End(null);
        }

        Forget(stream);
    }

    private void Answer(MuxFrame? answer)
    {
        if (answer is MuxFrame frame && !_answers.TrySend(frame))
        {
            throw MuxException.Breach("the other end asks and does not read the answers");
        }
    }

    /// <summary>Streams that are over both ways make room for others.</summary>
    private void Forget(MuxStream stream)
    {
        uint id = (uint)stream.Id;
        if (stream.Intake.HasEnded && stream.Outgoing.HasEnded && _streams.TryRemove(id, out _))
        {
            if ((id & 1) == _ourParity)
            {
                _ = _ourRoom.Release();
            }
            else
            {
                _ = Interlocked.Decrement(ref _theirCount);
            }
        }
    }

    /// <summary>Ends the session from this side, once what waits is sent, or could not be.</summary>
    private void End(MuxException reason)
    {
        _end ??= reason;
        SayGoodbye(GoAwayCode.Normal);
        _ = _goodbye.TrySetResult();
    }

    private async Task RunAsync(MuxIntake intake, MuxBuffer buffer)
    {
        await Task.Yield(); // the constructor is to end first
        Task reading = ReadAsync(intake, buffer);
        Task writing = WriteAsync();
        if (await Task.WhenAny(reading, writing, _goodbye.Task) == reading)
        {
            // What is wrong is told to the other end.
            SayGoodbye(_end is { IsBreach: true } ? GoAwayCode.ProtocolError : GoAwayCode.Normal);
        }

        _ = await Task.WhenAny(writing, Task.Delay(GoodbyeTime));

        // A transport that says goodbye itself does so while the reader still listens.
        await _stopWriting.CancelAsync();
        await writing;
        await DisposeTransportAsync();
        await _stopReading.CancelAsync();
        await reading;
        _ = _accepted.Writer.TryComplete();
        foreach (MuxStream stream in _streams.Values)
        {
            Fail(stream, _end!);
        }

        _stopReading.Dispose();
        _stopWriting.Dispose();
    }

    private async Task ReadAsync(MuxIntake intake, MuxBuffer buffer)
    {
        try
        {
            do
            {
                buffer.Take(intake.Take(buffer.Unread));
            }
            while (await buffer.FillAsync(_transport, _stopReading.Token));

            _end ??= new MuxException("the channel was closed at its other end", new EndOfStreamException());
        }
        catch (MuxException e)
        {
            _end ??= e;
        }
        catch (Exception e)
        {
            _end ??= new MuxException($"the channel broke: {e.Message}", e);
        }
    }

    private async Task WriteAsync()
    {
        try
        {
            await _outlet.RunAsync(_transport, Filled, _stopWriting.Token);
        }
        catch (Exception e)
        {
            _end ??= new MuxException($"the channel broke: {e.Message}", e);
        }
    }

    private void Filled(IMuxSource source)
    {
        if (source is MuxStreamOutlet { HasEnded: true } outgoing)
        {
            Forget(outgoing.Stream);
        }
    }

    private void SayGoodbye(GoAwayCode code)
    {
        _ = _answers.TrySend(new MuxFrame(MuxFrameType.GoAway, MuxFrameFlags.None, 0, (uint)code));
        _outlet.Finish();
    }

    private async Task DisposeTransportAsync()
    {
        try
        {
            await _transport.DisposeAsync();
        }
        catch (Exception e) when (e is IOException or ObjectDisposedException or InvalidOperationException)
        {
            // It broke; that is why this is over.
        }
    }

    private static void Fail(MuxStream stream, MuxException reason)
    {
        stream.Intake.End(reason);
        stream.Outgoing.Close(reason);
    }

    private void ThrowIfOver()
    {
        if (_end is not null || Completion.IsCompleted)
        {
            throw Over();
        }
    }

    private MuxException Over() => new(_end?.Message ?? "the session has ended", _end) { IsPeerRestarted = _end?.IsPeerRestarted ?? false };
}
