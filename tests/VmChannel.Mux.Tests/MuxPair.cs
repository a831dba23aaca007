namespace VmChannel.Mux.Tests;

/// <summary>Two sessions that talk to each other.</summary>
internal sealed class MuxPair : IAsyncDisposable
{
    private MuxPair(MuxChannel a, MuxChannel b)
    {
        A = a;
        B = b;
    }

    public MuxChannel A { get; }

    public MuxChannel B { get; }

    public static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public static async Task<MuxPair> CreateAsync(MuxOptions? optionsOfA = null, MuxOptions? optionsOfB = null)
    {
        (Stream a, Stream b) = ChannelDouble.Create();
        Task<MuxChannel> first = MuxChannel.ConnectAsync(a, optionsOfA, Cancellation);
        MuxChannel second = await MuxChannel.ConnectAsync(b, optionsOfB, Cancellation);
        return new(await first, second);
    }

    /// <summary>A stream that A opened, at both ends.</summary>
    public async Task<(MuxStream A, MuxStream B)> OpenAsync()
        => (await A.OpenStreamAsync(Cancellation), await B.AcceptStreamAsync(Cancellation));

    public async ValueTask DisposeAsync()
    {
        await A.DisposeAsync();
        await B.DisposeAsync();
    }
}
