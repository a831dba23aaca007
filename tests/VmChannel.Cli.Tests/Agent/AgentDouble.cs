using System.Text;
using System.Threading.Channels;
using VmChannel.Control.Agent;
using VmChannel.Native;
using Xunit;

namespace VmChannel.Cli.Tests.Agent;

/// <summary>The guest's end of an agent's port, in the hands of a test: what no well-behaved agent does is tried with it.</summary>
internal sealed class AgentDouble : IAsyncDisposable
{
    /// <summary>Generous: it only matters when something is broken.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    private readonly Channel<Stream> _opened = Channel.CreateUnbounded<Stream>();
    private Stream? _stream;
    private StreamReader? _lines;

    /// <param name="timeout">How long the agent may be silent.</param>
    /// <param name="freezeTimeout">How long it may take to freeze.</param>
    /// <param name="isBeside">It has the port with another client.</param>
    public AgentDouble(TimeSpan? timeout = null, TimeSpan? freezeTimeout = null, bool isBeside = false)
        => Agent = new(OpenAsync, new GuestAgentOptions { Timeout = timeout ?? Patience, FreezeTimeout = freezeTimeout ?? Patience, IsBeside = isBeside });

    public GuestAgent Agent { get; }

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    /// <summary>Takes the next connection.</summary>
    public async Task AcceptAsync()
    {
        _stream = await _opened.Reader.ReadAsync(Cancellation).AsTask().WaitAsync(Patience, Cancellation);
        _lines?.Dispose();
        _lines = new StreamReader(_stream, Encoding.Latin1);
    }

    /// <summary>Takes the next connection and answers its synchronisation.</summary>
    public async Task SyncAsync()
    {
        await AcceptAsync();
        await SendAsync($"\u00ff{{\"return\": {await ReadSyncAsync()}}}\n");
    }

    /// <summary>The number to answer.</summary>
    public async Task<string> ReadSyncAsync()
    {
        Assert.Equal("\u00ff", await ReadAsync());
        string line = await ReadAsync();
        Assert.StartsWith("""{"execute":"guest-sync-delimited","arguments":{"id":""", line, StringComparison.Ordinal);
        return line[(line.LastIndexOf(':') + 1)..].TrimEnd('}');
    }

    public async Task<string> ReadAsync() => await _lines!.ReadLineAsync(Cancellation).AsTask().WaitAsync(Patience, Cancellation) ?? throw new EndOfStreamException();

    public Task SendAsync(string text) => _stream!.WriteAsync(Encoding.Latin1.GetBytes(text), Cancellation).AsTask();

    public ValueTask HangUpAsync() => _stream!.DisposeAsync();

    public async ValueTask DisposeAsync()
    {
        await Agent.DisposeAsync();
        _lines?.Dispose(); // and the stream
    }

    private ValueTask<Stream> OpenAsync(CancellationToken cancellationToken)
    {
        (FileDescriptor ours, FileDescriptor theirs) = UnixSocket.Pair();
        _ = _opened.Writer.TryWrite(StreamOf(theirs));
        return new(StreamOf(ours));
    }

    private static System.Net.Sockets.NetworkStream StreamOf(FileDescriptor descriptor)
    {
        System.Net.Sockets.Socket socket = new(new System.Net.Sockets.SafeSocketHandle(descriptor.Number, ownsHandle: true));
        descriptor.SetHandleAsInvalid();
        return new(socket, ownsSocket: true);
    }
}
