using System.Buffers;

namespace VmChannel.Mux.Tests;

/// <summary>The other end of a session, byte for byte: it says what a test wants, also what no mux would.</summary>
internal sealed class RawPeer : IAsyncDisposable
{
    private readonly Stream _stream;
    private readonly List<byte> _read = [];

    public RawPeer(Stream stream) => _stream = stream;

    public MuxNonce Nonce { get; } = MuxNonce.Create();

    private static CancellationToken Cancellation => MuxPair.Cancellation;

    /// <summary>A session with a peer that is ours.</summary>
    public static async Task<(MuxChannel Session, RawPeer Peer)> ConnectAsync(MuxOptions? options = null)
    {
        (Stream a, Stream b) = ChannelDouble.Create();
        RawPeer peer = new(b);
        Task<MuxChannel> connecting = MuxChannel.ConnectAsync(a, options, Cancellation);
        await peer.GreetAsync();
        return (await connecting, peer);
    }

    /// <summary>Says hello, and answers the other end's.</summary>
    public async Task GreetAsync()
    {
        await SendAsync(new MuxPreface(MuxPrefaceKind.Hello, MuxPreface.CurrentVersion, 0, Nonce));
        MuxPreface hello = await ReadPrefaceAsync(MuxPrefaceKind.Hello);
        await SendAsync(new MuxPreface(MuxPrefaceKind.Ack, MuxPreface.CurrentVersion, 0, Nonce, hello.Sender));
        _ = await ReadPrefaceAsync(MuxPrefaceKind.Ack);
    }

    public Task SendAsync(MuxPreface message)
    {
        byte[] bytes = new byte[MuxPreface.Size];
        message.Write(bytes);
        return SendAsync(bytes);
    }

    public Task SendAsync(MuxFrame frame, params byte[] payload)
    {
        byte[] bytes = new byte[MuxFrame.Size];
        frame.Write(bytes);
        return SendAsync([.. bytes, .. payload]);
    }

    public Task SendAsync(byte[] bytes) => _stream.WriteAsync(bytes, Cancellation).AsTask();

    public async Task<MuxPreface> ReadPrefaceAsync(MuxPrefaceKind kind)
    {
        while (true)
        {
            OperationStatus status = MuxPreface.TryRead(_read.ToArray(), out MuxPreface message);
            Assert.NotEqual(OperationStatus.InvalidData, status);
            if (status == OperationStatus.Done)
            {
                _read.RemoveRange(0, MuxPreface.Size);
                if (message.Kind == kind)
                {
                    return message;
                }

                continue;
            }

            await FillAsync();
        }
    }

    /// <summary>The next frame that is no repeated preface; its bytes are dropped.</summary>
    public async Task<MuxFrame> ReadFrameAsync()
    {
        while (true)
        {
            if (_read.Count >= MuxPreface.Size && _read[0] == MuxPreface.FirstByte)
            {
                _read.RemoveRange(0, MuxPreface.Size);
            }
            else if (_read.Count == 0 || MuxFrame.TryRead(_read.ToArray(), out MuxFrame frame) != OperationStatus.Done)
            {
                await FillAsync();
            }
            else
            {
                int length = frame.Type == MuxFrameType.Data ? (int)frame.Length : 0;
                while (_read.Count < MuxFrame.Size + length)
                {
                    await FillAsync();
                }

                _read.RemoveRange(0, MuxFrame.Size + length);
                return frame;
            }
        }
    }

    public ValueTask DisposeAsync() => _stream.DisposeAsync();

    private async Task FillAsync()
    {
        byte[] buffer = new byte[4096];
        int count = await _stream.ReadAsync(buffer, Cancellation);
        Assert.True(count > 0, "the session has closed the channel");
        _read.AddRange(buffer.AsSpan(0, count));
    }
}
