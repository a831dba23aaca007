using System.Buffers;
using System.IO.Pipelines;
using System.Net.Sockets;
using System.Text.Json;
using VmChannel.Native;
using VmChannel.Wire.Qmp;

namespace VmChannel.Device.Qmp;

/// <summary>A connection to QEMU's monitor (QMP). Thread pool; any thread may ask.</summary>
/// <remarks>
/// QEMU is a peer like any other: what it says is bounded, checked, and ends the connection when it makes no sense. Answers
/// are matched by their ids, in any order; events are handed on one by one, and the next is read when the handler is done.
/// </remarks>
public sealed class QmpClient : IAsyncDisposable
{
    private static readonly TimeSpan DefaultPatience = TimeSpan.FromSeconds(10);

    private readonly Socket _socket;
    private readonly NetworkStream _stream;
    private readonly Func<QmpMessage.Event, Task> _onEvent;
    private readonly TimeSpan _patience;
    private readonly Lock _lock = new();
    private readonly Dictionary<long, TaskCompletionSource<QmpMessage>> _waiting = [];
    private readonly SemaphoreSlim _writing = new(1);
    private readonly CancellationTokenSource _over = new();
    private Task<string> _completion = Task.FromResult("it was never connected");
    private long _lastId;
    private bool _isOver;

    private QmpClient(Socket socket, Func<QmpMessage.Event, Task> onEvent, TimeSpan patience)
    {
        _socket = socket;
        _stream = new NetworkStream(socket, ownsSocket: true);
        _onEvent = onEvent;
        _patience = patience;
        using FileDescriptor borrowed = FileDescriptor.Borrow((int)socket.Handle);
        _ = UnixSocket.GetPeerCredentials(borrowed, out PeerCredentials peer);
        Peer = peer;
    }

    /// <summary>QEMU's process.</summary>
    public PeerCredentials Peer { get; }

    /// <summary>What it said at first.</summary>
    public QmpMessage.Greeting Greeting { get; private set; } = new(0, 0, 0);

    /// <summary>Completes with the reason, for people, when the connection is over. It never fails.</summary>
    public Task<string> Completion => _completion;

    /// <summary>Connects, and takes the monitor out of its greeting.</summary>
    /// <param name="address">Of the monitor's socket.</param>
    /// <param name="onEvent">Gets each event; nothing more is read before it is done.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <param name="patience">How long an answer may take; null = ten seconds.</param>
    /// <exception cref="QmpException">Nobody is there, or what is there is no QEMU.</exception>
    public static async Task<QmpClient> ConnectAsync(
        UnixAddress address, Func<QmpMessage.Event, Task> onEvent, CancellationToken cancellationToken, TimeSpan? patience = null)
    {
        Socket socket = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        QmpClient? client = null;
        try
        {
            await socket.ConnectAsync(new UnixDomainSocketEndPoint(address.IsAbstract ? $"\0{address.Name}" : address.Name), cancellationToken);
            client = new QmpClient(socket, onEvent, patience ?? DefaultPatience);
            await client.BeginAsync(cancellationToken);
            return client;
        }
        catch (Exception e)
        {
            if (client is not null)
            {
                await client.DisposeAsync();
            }

            socket.Dispose();
            if (e is SocketException fault)
            {
                throw new QmpException(Explain(fault), fault);
            }

            throw;
        }
    }

    /// <summary>Asks QEMU to do something, and waits for its answer.</summary>
    /// <param name="command">Such as <c>device_add</c>.</param>
    /// <param name="arguments">Writes the members of its arguments; null = it has none.</param>
    /// <param name="cancellationToken">Ends the waiting; QEMU does it all the same.</param>
    /// <returns>What the command returned.</returns>
    /// <exception cref="QmpException">It refused, did not answer in time, or is gone.</exception>
    public async Task<JsonElement> ExecuteAsync(string command, Action<Utf8JsonWriter>? arguments, CancellationToken cancellationToken)
    {
        long id = Interlocked.Increment(ref _lastId);
        TaskCompletionSource<QmpMessage> answer = new(TaskCreationOptions.RunContinuationsAsynchronously);
        lock (_lock)
        {
            if (_isOver)
            {
                throw Gone(command);
            }

            _waiting.Add(id, answer);
        }

        using CancellationTokenSource limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, _over.Token);
        limit.CancelAfter(_patience);
        try
        {
            await WriteAsync(QmpCommand.Write(id, command, arguments), limit.Token);
            return await answer.Task.WaitAsync(limit.Token) switch
            {
                QmpMessage.Answer(_, JsonElement value) => value,
                QmpMessage.Failure(_, string @class, string description) => throw new QmpException(command, @class, description),
                _ => throw Gone(command),
            };
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            throw _over.IsCancellationRequested
                ? Gone(command)
                : new QmpException($"{command}: QEMU has not answered for {_patience.TotalSeconds:0.#} s: see whether its process hangs, or is stopped");
        }
        catch (Exception e) when (e is (IOException or ObjectDisposedException) and not QmpException)
        {
            throw new QmpException($"{command}: QEMU hung up", e);
        }
        finally
        {
            lock (_lock)
            {
                _ = _waiting.Remove(id);
            }
        }
    }

    public async ValueTask DisposeAsync()
    {
        End();
        _stream.Dispose();
        _ = await _completion;
        _writing.Dispose();
        _over.Dispose();
    }

    private static QmpException Gone(string command) => new($"{command}: QEMU hung up");

    private static string Explain(SocketException fault) => fault.SocketErrorCode switch
    {
        SocketError.AddressNotAvailable => "there is no such socket",
        SocketError.ConnectionRefused => "nobody listens there",
        SocketError.AccessDenied => "no permission to connect (run as QEMU's user, or as root)",
        _ => fault.Message,
    };

    private async Task BeginAsync(CancellationToken cancellationToken)
    {
        TaskCompletionSource<QmpMessage.Greeting> greeted = new(TaskCreationOptions.RunContinuationsAsynchronously);
        _completion = ReadAsync(greeted);
        using CancellationTokenSource limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        limit.CancelAfter(_patience);
        Task first;
        try
        {
            first = await Task.WhenAny(greeted.Task, _completion).WaitAsync(limit.Token);
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            throw new QmpException("QEMU does not greet: its monitor serves one client at a time, so give vmchannel a -qmp socket of its own");
        }

        Greeting = ReferenceEquals(first, greeted.Task) ? await greeted.Task : throw new QmpException(await _completion);
        _ = await ExecuteAsync("qmp_capabilities", null, cancellationToken);
    }

    private async Task WriteAsync(ReadOnlyMemory<byte> line, CancellationToken cancellationToken)
    {
        await _writing.WaitAsync(cancellationToken);
        try
        {
            // Not to be broken off in the middle: what follows would continue the line.
            await _stream.WriteAsync(line, _over.Token);
        }
        finally
        {
            _ = _writing.Release();
        }
    }

    private async Task<string> ReadAsync(TaskCompletionSource<QmpMessage.Greeting> greeted)
    {
        PipeReader reader = PipeReader.Create(_stream, new StreamPipeReaderOptions(bufferSize: 64 * 1024, leaveOpen: true));
        string reason;
        try
        {
            reason = await ReadLinesAsync(reader, greeted);
        }
        catch (Exception e) when (e is IOException or OperationCanceledException or ObjectDisposedException)
        {
            reason = _over.IsCancellationRequested ? "it was closed here" : $"reading failed: {e.Message}";
        }

        await reader.CompleteAsync();
        End();

        // Whoever talks on is not listened to, and is to notice.
        await _stream.DisposeAsync();
        return reason;
    }

    private async Task<string> ReadLinesAsync(PipeReader reader, TaskCompletionSource<QmpMessage.Greeting> greeted)
    {
        while (true)
        {
            ReadResult result = await reader.ReadAsync(_over.Token);
            ReadOnlySequence<byte> rest = result.Buffer;
            while (rest.PositionOf((byte)'\n') is SequencePosition end)
            {
                if (await HandleAsync(rest.Slice(0, end), greeted) is string wrong)
                {
                    return $"what QEMU said makes no sense: {wrong}";
                }

                rest = rest.Slice(rest.GetPosition(1, end));
            }

            if (rest.Length > QmpMessage.MaxBytes)
            {
                return $"what QEMU said makes no sense: a line of more than {QmpMessage.MaxBytes} bytes";
            }

            reader.AdvanceTo(rest.Start, rest.End);
            if (result.IsCompleted)
            {
                return "QEMU hung up";
            }
        }
    }

    /// <summary>Acts on a line. What is wrong with it, or null.</summary>
    private async Task<string?> HandleAsync(ReadOnlySequence<byte> line, TaskCompletionSource<QmpMessage.Greeting> greeted)
    {
        if (line.Length > QmpMessage.MaxBytes)
        {
            return $"a line of {line.Length} bytes";
        }

        byte[] bytes = line.ToArray();
        if (bytes.AsSpan().Trim(" \t\r"u8).IsEmpty)
        {
            return null;
        }

        if (!QmpMessage.TryParse(bytes, out QmpMessage? message, out string? reason))
        {
            return reason;
        }

        if (message is QmpMessage.Greeting greeting)
        {
            _ = greeted.TrySetResult(greeting);
        }
        else if (!greeted.Task.IsCompleted)
        {
            return "it does not begin with QEMU's greeting";
        }
        else if (message is QmpMessage.Event happened)
        {
            await _onEvent(happened);
        }
        else
        {
            Find((message as QmpMessage.Answer)?.Id ?? (message as QmpMessage.Failure)?.Id)?.TrySetResult(message);
        }

        return null;
    }

    /// <summary>Who waits for an answer. Of one without an id it is known when only one waits; answers that came too late are nobody's.</summary>
    private TaskCompletionSource<QmpMessage>? Find(long? id)
    {
        lock (_lock)
        {
            return id is long known ? _waiting.GetValueOrDefault(known) : _waiting.Count == 1 ? _waiting.Values.Single() : null;
        }
    }

    private void End()
    {
        lock (_lock)
        {
            if (_isOver)
            {
                return;
            }

            _isOver = true;
        }

        _over.Cancel();
    }
}
