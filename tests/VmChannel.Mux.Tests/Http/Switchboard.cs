using System.Threading.Channels;

namespace VmChannel.Mux.Tests.Http;

/// <summary>A channel that both ends open, as often as they like: the client's openings meet the server's.</summary>
internal sealed class Switchboard
{
    private readonly Channel<Stream> _waiting = Channel.CreateUnbounded<Stream>();

    /// <summary>How often the client has opened it.</summary>
    public int Openings { get; private set; }

    /// <summary>The newest opening, for breaking it.</summary>
    public Stream? Newest { get; private set; }

    public ValueTask<Stream> OpenClientAsync(CancellationToken cancellationToken)
    {
        (Stream client, Stream server) = ChannelDouble.Create();
        Openings++;
        Newest = client;
        Assert.True(_waiting.Writer.TryWrite(server));
        return new(client);
    }

    public ValueTask<Stream> OpenServerAsync(CancellationToken cancellationToken) => _waiting.Reader.ReadAsync(cancellationToken);
}
