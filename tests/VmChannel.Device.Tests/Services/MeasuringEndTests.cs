using System.Buffers.Binary;
using System.Security.Cryptography;
using VmChannel.Device.Services;
using Xunit;

namespace VmChannel.Device.Tests.Services;

public sealed class MeasuringEndTests
{
    [Fact]
    public async Task Sink_AnyBytes_TakesAndCounts()
    {
        await using HostEndDriver guest = new();
        SinkEnd sink = new();
        await guest.StartAsync(sink);
        Assert.Equal(100_000, await guest.OfferAsync(new byte[100_000]));
        Assert.Equal(100_000, sink.TakenBytes);
        Assert.Empty(await guest.TakeAsync(10));
    }

    [Fact]
    public async Task Source_OddReads_CountUpAndBeginAgainAtOpen()
    {
        await using HostEndDriver guest = new();
        await guest.StartAsync(new SourceEnd());
        Assert.Empty(await guest.TakeAsync(10));
        for (int opens = 0; opens < 2; opens++)
        {
            await guest.SetGuestOpenAsync(true);
            byte[] all = [.. await guest.TakeAsync(7), .. await guest.TakeAsync(65_541), .. await guest.TakeAsync(200_004)];
            for (int word = 0; word < all.Length / 8; word++)
            {
                Assert.Equal((ulong)word, BinaryPrimitives.ReadUInt64LittleEndian(all.AsSpan(word * 8)));
            }

            await guest.SetGuestOpenAsync(false);
        }
    }

    [Fact]
    public async Task Echo_MoreThanItHolds_WaitsUntilItIsReadBack()
    {
        await using HostEndDriver guest = new();
        await guest.StartAsync(new EchoEnd());
        await guest.SetGuestOpenAsync(true);
        byte[] sent = new byte[1_000_003];
        RandomNumberGenerator.Fill(sent);
        Assert.Equal(EchoEnd.CapacityBytes, await guest.OfferAsync(sent.AsMemory(0, 100_000)));
        Assert.Equal(0, await guest.OfferAsync(sent.AsMemory(EchoEnd.CapacityBytes, 1)));
        Task<byte[]> reading = guest.ReadExactlyAsync(sent.Length);
        for (int at = EchoEnd.CapacityBytes; at < sent.Length;)
        {
            at += (int)await guest.OfferAsync(sent.AsMemory(at, Math.Min(50_000, sent.Length - at)));
        }

        Assert.Equal(sent, await reading);
    }

    [Fact]
    public async Task Echo_Closed_ForgetsWhatWasNotRead()
    {
        await using HostEndDriver guest = new();
        await guest.StartAsync(new EchoEnd());
        await guest.SetGuestOpenAsync(true);
        Assert.Equal(3, await guest.OfferAsync("abc"u8.ToArray()));
        await guest.SetGuestOpenAsync(false);
        Assert.Equal(3, await guest.OfferAsync("def"u8.ToArray()));
        await guest.SetGuestOpenAsync(true);
        Assert.Equal(3, await guest.OfferAsync("ghi"u8.ToArray()));
        Assert.Equal("ghi"u8.ToArray(), await guest.TakeAsync(100));
    }
}
