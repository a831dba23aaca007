using System.Threading.Channels;

namespace VmChannel.Mux;

/// <summary>Something that has frames to send when its turn comes.</summary>
internal interface IMuxSource
{
    /// <summary>Writes frames. Called by the outlet alone, after <see cref="MuxOutlet.Add"/>.</summary>
    /// <param name="room">At least <see cref="MuxOutlet.TurnBytes"/> bytes.</param>
    /// <returns>Bytes written.</returns>
    int Fill(Span<byte> room);
}

/// <summary>The one writer of a transport: whoever has something to send gets its turn, and one write takes the frames of many.</summary>
internal sealed class MuxOutlet
{
    /// <summary>The least a source gets: an announcement and a full frame.</summary>
    public const int TurnBytes = (2 * MuxFrame.Size) + (16 * 1024);

    private const int BatchBytes = 64 * 1024;

    private readonly Channel<IMuxSource> _ready = Channel.CreateUnbounded<IMuxSource>(new UnboundedChannelOptions { SingleReader = true });

    /// <summary>Any thread: gives the source its turn, after those that wait already.</summary>
    public void Add(IMuxSource source) => _ready.Writer.TryWrite(source);

    /// <summary>Nothing more is added: what waits is sent, then <see cref="RunAsync"/> is done.</summary>
    public void Finish() => _ready.Writer.TryComplete();

    /// <summary>Sends until cancelled, or finished.</summary>
    public async Task RunAsync(Stream transport, Action<IMuxSource> filled, CancellationToken cancellationToken)
    {
        byte[] batch = new byte[BatchBytes];
        await using CancellationTokenRegistration stop = cancellationToken.UnsafeRegister(static outlet => ((MuxOutlet)outlet!).Finish(), this);
        while (await _ready.Reader.WaitToReadAsync(CancellationToken.None)) // without a token it allocates nothing
        {
            int count = 0;
            while (batch.Length - count >= TurnBytes && _ready.Reader.TryRead(out IMuxSource? source))
            {
                count += source.Fill(batch.AsSpan(count));
                filled(source);
            }

            if (count > 0)
            {
                await transport.WriteAsync(batch.AsMemory(0, count), cancellationToken);
                await transport.FlushAsync(cancellationToken);
            }
        }
    }
}
