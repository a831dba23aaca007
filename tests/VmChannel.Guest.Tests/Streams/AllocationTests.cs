using System.Net.Sockets;
using Xunit;

namespace VmChannel.Guest.Tests;

/// <summary>Reads and writes allocate nothing. Alone in the process, whose every allocation is counted.</summary>
[Collection<AllocationTests>]
[CollectionDefinition(DisableParallelization = true)]
public sealed class AllocationTests : IDisposable
{
    private const int Exchanges = 5000;

    private readonly SocketHost _host = new();

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    public void Dispose() => _host.Dispose();

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Exchange_OverAndOver_AllocatesNoObjectEachTime(bool waits)
    {
        await using ChannelStream stream = await VmChannels.OpenAsync(_host.Name, cancellationToken: Stop);
        NetworkStream host = await _host.AcceptAsync();

        // Away from the runner's context, which allocates for each continuation.
        (int waited, long bytes) = await Task.Run(() => ExchangeAsync(stream, host.Socket, waits), Stop);
        Assert.Equal(waits ? Exchanges : 0, waited);

        // The smallest object has 24 bytes. The runner allocates a little meanwhile.
        Assert.InRange(bytes, 0, Exchanges * 24 / 2);
    }

    private static async Task<(int Waited, long Bytes)> ExchangeAsync(ChannelStream stream, Socket host, bool waits)
    {
        using CancellationTokenSource cancel = new();
        byte[] hostBuffer = new byte[1];
        byte[] buffer = new byte[1];
        int waited = 0;
        long before = 0;
        for (int i = -Exchanges; i < Exchanges; i++)
        {
            if (i == 0)
            {
                waited = 0;
                before = GC.GetTotalAllocatedBytes(precise: true);
            }

            if (!waits)
            {
                _ = host.Send(buffer);
            }

            ValueTask<int> read = stream.ReadAsync(buffer, cancel.Token);
            waited += read.IsCompleted ? 0 : 1;
            await stream.WriteAsync(buffer, cancel.Token);
            _ = host.Receive(hostBuffer);
            if (waits)
            {
                _ = host.Send(hostBuffer);
            }

            _ = await read;
        }

        return (waited, GC.GetTotalAllocatedBytes(precise: true) - before);
    }
}
