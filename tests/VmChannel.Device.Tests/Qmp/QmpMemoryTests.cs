using VmChannel.Device.Qmp;
using VmChannel.Wire.Qmp;
using Xunit;

namespace VmChannel.Device.Tests.Qmp;

/// <summary>What a monitor costs that sends without end. Alone, because it counts what the process allocates.</summary>
[Collection("alone")]
public sealed class QmpMemoryTests : IDisposable
{
    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(30);
    private readonly ScriptedMonitor _monitor = new();

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public void Dispose() => _monitor.Dispose();

    /// <summary>100 MB that do end in a line, and are not kept to see whether they do.</summary>
    [Fact]
    public async Task Line_OfAHundredMegabytes_IsNotTakenIn()
    {
        Task<QmpClient> connecting = QmpClient.ConnectAsync(_monitor.Address, _ => Task.CompletedTask, Cancellation);
        await _monitor.GreetAsync();
        await using QmpClient client = await connecting;
        byte[] piece = new byte[1 << 20];
        piece.AsSpan().Fill((byte)'a');
        long before = GC.GetTotalAllocatedBytes(precise: true);
        long taken = await _monitor.FloodAsync(piece, 100);
        await Assert.ThrowsAnyAsync<Exception>(() => _monitor.SayAsync("\"}"));

        Assert.Contains("a line of more than", await client.Completion.WaitAsync(Deadline, Cancellation), StringComparison.Ordinal);
        Assert.InRange(taken, QmpMessage.MaxBytes - (1 << 20), QmpMessage.MaxBytes + (4 << 20));
        Assert.InRange(GC.GetTotalAllocatedBytes(precise: true) - before, 0, 32L << 20);
    }
}
