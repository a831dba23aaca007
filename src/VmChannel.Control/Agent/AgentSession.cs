using System.Buffers.Binary;
using System.Diagnostics;
using System.Security.Cryptography;

namespace VmChannel.Control.Agent;

/// <summary>A conversation with an agent that has shown that it is there: one command, one answer. Any failure but a refusal ends it.</summary>
internal sealed class AgentSession : IAsyncDisposable
{
    private const int PieceBytes = 64 * 1024;

    /// <summary>Below 2^53, so that agents which keep numbers as floating point give them back unchanged.</summary>
    private const int IdBits = 53;

    private readonly Stream _stream;
    private readonly bool _hasIds;
    private readonly AgentLine _lines = new(PieceBytes);
    private readonly AgentRequest _sync = new();
    private long _lastUse;

    private AgentSession(Stream stream, bool hasIds)
    {
        _stream = stream;
        _hasIds = hasIds;
    }

    /// <summary>How long it has been silent.</summary>
    public TimeSpan Idle => Stopwatch.GetElapsedTime(_lastUse);

    /// <summary>What a command's answer is to carry.</summary>
    public long? NextId() => _hasIds ? NewNumber() : null;

    /// <summary>Waits until the agent answers.</summary>
    /// <param name="stream">The port; belongs to the session, which closes it when this fails.</param>
    /// <param name="hasIds">Commands carry ids.</param>
    /// <param name="cancellationToken">Ends the waiting.</param>
    /// <exception cref="EndOfStreamException">The port was closed meanwhile.</exception>
    public static async Task<AgentSession> BeginAsync(Stream stream, bool hasIds, CancellationToken cancellationToken)
    {
        AgentSession session = new(stream, hasIds);
        try
        {
            await session.SyncAsync(cancellationToken);
            return session;
        }
        catch
        {
            await session.DisposeAsync();
            throw;
        }
    }

    /// <summary>Skips all that was meant for others, until the agent has answered a number that was never used before.</summary>
    public async Task SyncAsync(CancellationToken cancellationToken)
    {
        long number = NewNumber();
        _sync.WriteSync(number);
        await _stream.WriteAsync(_sync.Bytes, cancellationToken);
        while (true)
        {
            while (_lines.TryTake(out Memory<byte> line, out bool isDelimited))
            {
                if (isDelimited && AgentMessage.TryParse(line.Span, out AgentMessage message) && message.Error is null
                    && AgentValue.TryReadNumber(line.Span[message.Return], out long answer) && answer == number)
                {
                    _lastUse = Stopwatch.GetTimestamp();
                    return;
                }
            }

            // An answer to an earlier client may be of any length.
            _lines.DropStale();
            await ReadAsync(cancellationToken);
        }
    }

    /// <summary>Sends a command and waits for its answer.</summary>
    /// <param name="request">The command.</param>
    /// <param name="id">The id that it carries.</param>
    /// <param name="maxAnswerBytes">A longer answer is refused.</param>
    /// <param name="patience">How long the agent may neither take nor send anything.</param>
    /// <param name="cancellationToken">Ends the waiting; the session is over then.</param>
    /// <returns>The value, good until the next call.</returns>
    /// <exception cref="AgentException">It refused, or its answer makes no sense.</exception>
    /// <exception cref="TimeoutException">It was silent for too long.</exception>
    /// <exception cref="EndOfStreamException">The port was closed.</exception>
    public async Task<Memory<byte>> ExchangeAsync(
        ReadOnlyMemory<byte> request, long? id, int maxAnswerBytes, TimeSpan patience, CancellationToken cancellationToken)
    {
        using CancellationTokenSource silence = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        _lines.MaxBytes = maxAnswerBytes;
        try
        {
            for (ReadOnlyMemory<byte> left = request; !left.IsEmpty; left = left[Math.Min(PieceBytes, left.Length)..])
            {
                silence.CancelAfter(patience);
                await _stream.WriteAsync(left[..Math.Min(PieceBytes, left.Length)], silence.Token);
            }

            while (true)
            {
                while (_lines.TryTake(out Memory<byte> line, out bool isDelimited))
                {
                    if (!isDelimited && IsAnswer(line.Span, id, out Range value))
                    {
                        _lastUse = Stopwatch.GetTimestamp();
                        return line[value];
                    }
                }

                silence.CancelAfter(patience);
                await ReadAsync(silence.Token);
            }
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            throw new TimeoutException();
        }
    }

    public ValueTask DisposeAsync() => _stream.DisposeAsync();

    private static long NewNumber() => (long)(BinaryPrimitives.ReadUInt64LittleEndian(RandomNumberGenerator.GetBytes(sizeof(ulong))) >> (64 - IdBits));

    /// <summary>Whether a line answers this command, and not somebody else's; and where in it the value is.</summary>
    private static bool IsAnswer(ReadOnlySpan<byte> line, long? id, out Range value)
    {
        bool isMessage = AgentMessage.TryParse(line, out AgentMessage message);
        value = message.Return;
        if (!isMessage && id is null)
        {
            throw new AgentException("the agent's answer makes no sense: is the program in the guest qemu-guest-agent?");
        }

        bool isOurs = isMessage && message.Id == id;
        return isOurs && message.Error is AgentError error ? throw new AgentException(error) : isOurs;
    }

    private async ValueTask ReadAsync(CancellationToken cancellationToken)
    {
        int count = await _stream.ReadAsync(_lines.Room(), cancellationToken);
        if (count == 0)
        {
            throw new EndOfStreamException();
        }

        _lines.Added(count);
    }
}
