using VmChannel.Cli.Serve;
using Xunit;

namespace VmChannel.Cli.Tests.Serve;

public sealed class ChangeQueueTests
{
    [Fact]
    public async Task RunAsync_AfterAFailure_GoesOnInOrder()
    {
        ChangeQueue queue = new();
        List<int> done = [];
        TaskCompletionSource gate = new();
        Task<int> first = queue.RunAsync(
            async () =>
            {
                await gate.Task;
                return done[0];
            },
            CancellationToken.None);
        Task<int> second = queue.RunAsync(() => Add(2), CancellationToken.None);
        Task<int> third = queue.RunAsync(() => Add(3), new CancellationToken(canceled: true));
        Task<int> fourth = queue.RunAsync(() => Add(4), CancellationToken.None);
        Assert.Empty(done);

        gate.SetResult();
        _ = await Assert.ThrowsAsync<ArgumentOutOfRangeException>(() => first);
        _ = await Assert.ThrowsAnyAsync<OperationCanceledException>(() => third);
        Assert.Equal(2, await second);
        Assert.Equal(4, await fourth);
        Assert.Equal([2, 4], done);

        Task<int> Add(int number)
        {
            done.Add(number);
            return Task.FromResult(number);
        }
    }
}
