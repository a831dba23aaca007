using System.Buffers;
using System.IO.Pipelines;
using System.Security.Cryptography;
using System.Text;
using VmChannel.Device.Pipes;
using VmChannel.Device.Services;
using Xunit;

namespace VmChannel.Device.Tests.Services;

public sealed class ServiceEndTests
{
    [Fact]
    public async Task Write_ServiceDoesNotRead_TakesTheCapacityAndNoMore()
    {
        await using HostEndDriver guest = new();
        TaskCompletionSource mayRead = new();
        await guest.StartAsync(Make(guest, async (channel, _) =>
        {
            await mayRead.Task;
            await DelegateService.CopyAsync(channel);
        }));
        await guest.SetGuestOpenAsync(true);
        Assert.Equal(LoopPipe.CapacityBytes, await guest.OfferAsync(new byte[200_000]));
        Assert.Equal(0, await guest.OfferAsync(new byte[1]));
        while (await guest.OfferAsync(new byte[1]) == 0)
        {
            mayRead.TrySetResult();
            await guest.WokenAsync();
        }
    }

    [Fact]
    public async Task Channel_ManyBytesBothWays_ArriveInOrder()
    {
        await using HostEndDriver guest = new();
        await guest.StartAsync(Make(guest, (channel, _) => DelegateService.CopyAsync(channel)));
        await guest.SetGuestOpenAsync(true);
        byte[] sent = new byte[8_000_001];
        RandomNumberGenerator.Fill(sent);
        Task<byte[]> reading = guest.ReadExactlyAsync(sent.Length);
        int at = 0;
        while (at < sent.Length)
        {
            int taken = (int)await guest.OfferAsync(sent.AsMemory(at, Math.Min(30_000, sent.Length - at)));
            at += taken;
            if (taken == 0)
            {
                await HostEndDriver.MomentAsync();
            }
        }

        Assert.Equal(sent, await HostEndDriver.InTimeAsync(reading));
    }

    [Fact]
    public async Task Close_BytesStillOnTheRing_ReachTheSameSession()
    {
        await using HostEndDriver guest = new();
        List<string> sessions = [];
        await guest.StartAsync(Make(guest, async (channel, _) =>
        {
            string text = Encoding.ASCII.GetString(await ReadToEndAsync(channel));
            lock (sessions)
            {
                sessions.Add(text);
            }
        }));
        await guest.SetGuestOpenAsync(true);
        await guest.WriteAsync("one "u8.ToArray());
        await guest.SetGuestOpenAsync(false);
        await guest.WriteAsync("late"u8.ToArray());
        await guest.SetGuestOpenAsync(true);
        await guest.WriteAsync("two"u8.ToArray());
        await guest.SetGuestOpenAsync(false);
        await guest.DrainedAsync();
        await HostEndDriver.UntilAsync(() => sessions.Count == 2, "two sessions end");
        Assert.Equal(["one late", "two"], sessions);
        Assert.Equal(0, guest.Log.Count(60));
    }

    /// <summary>Nothing but the ring says when a program's bytes are over: however long they take, they belong to its session.</summary>
    [Fact]
    public async Task Close_BytesComeMuchLater_SessionWaitsForThem()
    {
        await using HostEndDriver guest = new();
        TaskCompletionSource<string> session = new();
        await guest.StartAsync(Make(guest, async (channel, _) => session.SetResult(Encoding.ASCII.GetString(await ReadToEndAsync(channel)))));
        await guest.SetGuestOpenAsync(true);
        await guest.SetGuestOpenAsync(false);
        await Task.Delay(300, TestContext.Current.CancellationToken);
        Assert.False(session.Task.IsCompleted);
        await guest.WriteAsync("late"u8.ToArray());
        await guest.DrainedAsync();
        Assert.Equal("late", await HostEndDriver.InTimeAsync(session.Task));
    }

    /// <summary>Bytes that waited on the ring while the service was away: their program is gone, and they still make one whole session.</summary>
    [Fact]
    public async Task Drained_SessionBegunByBytesAlone_Ends()
    {
        await using HostEndDriver guest = new();
        TaskCompletionSource<string> session = new();
        await guest.StartAsync(Make(guest, async (channel, _) => session.SetResult(Encoding.ASCII.GetString(await ReadToEndAsync(channel)))));
        await guest.WriteAsync("held"u8.ToArray());
        await guest.DrainedAsync();
        Assert.Equal("held", await HostEndDriver.InTimeAsync(session.Task));
    }

    [Fact]
    public async Task Failure_WhileOpen_ClosesThePortLogsOnceAndTriesAgain()
    {
        await using HostEndDriver guest = new();
        int runs = 0;
        await guest.StartAsync(Make(guest, async (channel, _) =>
        {
            if (Interlocked.Increment(ref runs) == 1)
            {
                throw new InvalidDataException("no such thing");
            }

            await DelegateService.CopyAsync(channel);
        }));
        await guest.SetGuestOpenAsync(true);
        await HostEndDriver.UntilAsync(() => !guest.End.IsOpen, "the port closes");
        Assert.Equal(0, await guest.OfferAsync("x"u8.ToArray()));
        await HostEndDriver.UntilAsync(() => guest.End.IsOpen, "the port opens again");
        await guest.WriteAsync("hello"u8.ToArray());
        Assert.Equal("hello"u8.ToArray(), await guest.ReadExactlyAsync(5));
        Assert.Contains("no such thing", Assert.Single(guest.Log.Lines, line => line.Id == 60).Text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Close_ServiceWaitsForAReader_IsTold()
    {
        await using HostEndDriver guest = new();
        TaskCompletionSource<bool> told = new();
        await guest.StartAsync(Make(guest, async (channel, _) =>
        {
            FlushResult flushed = await channel.Output.WriteAsync(new byte[1_000_000], TestContext.Current.CancellationToken);
            told.SetResult(flushed.IsCompleted);
        }));
        await guest.SetGuestOpenAsync(true);
        await guest.WokenAsync();
        await guest.SetGuestOpenAsync(false);
        Assert.True(await HostEndDriver.InTimeAsync(told.Task));
        Assert.Equal(0, guest.Log.Count(60));
    }

    [Fact]
    public async Task Dispose_RunningSession_EndsItAfterWhatItHolds()
    {
        await using HostEndDriver guest = new();
        byte[]? received = null;
        ServiceEnd end = Make(guest, async (channel, _) => received = await ReadToEndAsync(channel));
        await guest.StartAsync(end);
        await guest.SetGuestOpenAsync(true);
        await guest.WriteAsync("last words"u8.ToArray());
        await guest.OnLoopAsync(end.Dispose);
        await HostEndDriver.InTimeAsync(end.Completion);
        Assert.Equal("last words"u8.ToArray(), received);
    }

    [Fact]
    public async Task Dispose_StubbornSession_IsCancelled()
    {
        await using HostEndDriver guest = new();
        ServiceEnd end = Make(guest, (_, cancellation) => Task.Delay(Timeout.Infinite, cancellation));
        await guest.StartAsync(end);
        await guest.SetGuestOpenAsync(true);
        await guest.OnLoopAsync(end.Dispose);
        await HostEndDriver.InTimeAsync(end.Completion);
    }

    private static ServiceEnd Make(HostEndDriver guest, Func<IDuplexPipe, CancellationToken, Task> run)
        => new(new DelegateService(run), guest.Loop, guest.Log);

    private static async Task<byte[]> ReadToEndAsync(IDuplexPipe channel)
    {
        ReadResult result;
        while (!(result = await channel.Input.ReadAsync(TestContext.Current.CancellationToken)).IsCompleted)
        {
            channel.Input.AdvanceTo(result.Buffer.Start, result.Buffer.End);
        }

        return result.Buffer.ToArray();
    }
}
