using System.Text.Json;

namespace VmChannel.Control.Agent;

/// <summary>Keeps a session with an agent that may restart: begins one when a command needs it, and gives one up that failed.</summary>
/// <remarks>One command at a time, as the agent has it.</remarks>
internal sealed class AgentLink(AgentPort port, GuestAgentOptions options) : IAsyncDisposable
{
    /// <summary>A session that nobody used for so long may have lost its agent without anybody noticing.</summary>
    private static readonly TimeSpan Trust = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(50);

    private readonly SemaphoreSlim _turn = new(1);
    private readonly AgentRequest _request = new();
    private AgentSession? _session;

    /// <summary>Has a command carried out.</summary>
    /// <param name="command">Its name, for messages.</param>
    /// <param name="write">Writes it; gets the id that it is to carry.</param>
    /// <param name="maxAnswerBytes">A longer answer is refused.</param>
    /// <param name="patience">How long the agent may be silent.</param>
    /// <param name="read">Reads its value, which is gone afterwards.</param>
    /// <param name="cancellationToken">Ends the waiting; the agent may carry the command out all the same.</param>
    /// <exception cref="AgentException">It was not done; without an <see cref="AgentException.ErrorClass"/> nobody knows.</exception>
    public async Task<T> RunAsync<T>(
        string command, Action<AgentRequest, long?> write, int maxAnswerBytes, TimeSpan patience, Func<Memory<byte>, T> read,
        CancellationToken cancellationToken)
    {
        await _turn.WaitAsync(cancellationToken);
        try
        {
            AgentSession session = await SessionAsync(cancellationToken);
            long? id = session.NextId();
            write(_request, id);
            try
            {
                return read(await session.ExchangeAsync(_request.Bytes, id, maxAnswerBytes, patience, cancellationToken));
            }
            catch (AgentException e) when (e.ErrorClass is not null)
            {
                throw; // an answer like any other
            }
            catch (Exception e)
            {
                await EndAsync();
                switch (e)
                {
                    case TimeoutException:
                        throw new AgentException(await port.WhySilentAsync(patience, cancellationToken), e);
                    case IOException and not AgentException:
                        throw new AgentException(await port.WhyEndedAsync(command, cancellationToken), e);
                    default:
                        throw;
                }
            }
        }
        finally
        {
            _ = _turn.Release();
        }
    }

    /// <inheritdoc cref="RunAsync{T}(string, Action{AgentRequest, long?}, int, TimeSpan, Func{Memory{byte}, T}, CancellationToken)"/>
    public Task<T> RunAsync<T>(
        string command, Action<Utf8JsonWriter>? arguments, int maxAnswerBytes, TimeSpan patience, Func<Memory<byte>, T> read,
        CancellationToken cancellationToken)
        => RunAsync(command, (request, id) => request.Write(command, arguments, id), maxAnswerBytes, patience, read, cancellationToken);

    public async ValueTask DisposeAsync()
    {
        await EndAsync();
        port.Dispose();
        _turn.Dispose();
    }

    private async Task<AgentSession> SessionAsync(CancellationToken cancellationToken)
    {
        using CancellationTokenSource limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        limit.CancelAfter(options.Timeout);
        try
        {
            if (_session is AgentSession idle && idle.Idle > Trust)
            {
                await TryAsync(idle, limit.Token);
            }

            while (_session is null)
            {
                Stream stream = await port.OpenAsync(limit.Token);
                try
                {
                    _session = await AgentSession.BeginAsync(stream, options.IsBeside, limit.Token);
                }
                catch (IOException e) when (e is not AgentException)
                {
                    await Task.Delay(Pause, limit.Token); // the agent before is on its way out
                }
            }

            return _session;
        }
        catch (OperationCanceledException e) when (!cancellationToken.IsCancellationRequested)
        {
            throw new AgentException(await port.WhySilentAsync(options.Timeout, cancellationToken), e);
        }
    }

    private async Task TryAsync(AgentSession session, CancellationToken cancellationToken)
    {
        try
        {
            await session.SyncAsync(cancellationToken);
        }
        catch (Exception e)
        {
            await EndAsync();
            if (e is not IOException)
            {
                throw;
            }
        }
    }

    private async Task EndAsync()
    {
        if (_session is AgentSession session)
        {
            _session = null;
            await session.DisposeAsync();
        }
    }
}
