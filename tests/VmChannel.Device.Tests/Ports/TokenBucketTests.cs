using System.Diagnostics;
using CsCheck;
using VmChannel.Device.Ports;
using Xunit;

namespace VmChannel.Device.Tests.Ports;

public sealed class TokenBucketTests
{
    private const int Seconds = 10;

    /// <summary>Whoever always wants more, in whatever steps, gets the rate within 5 % over ten seconds.</summary>
    [Fact]
    public void Bucket_AlwaysWanted_KeepsTheRate()
        => Gen.Select(Gen.Long[100, 1L << 34], Gen.Int[1, 40].Array[1, 50]).Sample((rate, steps) =>
        {
            long now = 12345;
            TokenBucket bucket = new(rate, now);
            long end = now + (Seconds * Stopwatch.Frequency);
            double total = 0;
            for (int i = 0; now < end; i++)
            {
                long available = bucket.Available(now);
                bucket.Take(available);
                total += available;
                now += steps[i % steps.Length] * Stopwatch.Frequency / 1000;
            }

            return total >= 0.95 * rate * Seconds && total <= 1.05 * rate * Seconds;
        });

    [Theory]
    [InlineData(1_000_000, 100_000)]
    [InlineData(1_000, 4096)]
    public void Bucket_AfterALongRest_HoldsATenthOfASecondOrAPage(long rate, long expected)
    {
        TokenBucket bucket = new(rate, 0);
        Assert.Equal(rate / 10, bucket.Available(0));
        Assert.Equal(expected, bucket.Available(3600 * Stopwatch.Frequency));
    }

    [Fact]
    public void TimeUntil_Waited_IsLongEnoughAndNoLonger()
        => Gen.Select(Gen.Long[1, 1L << 40], Gen.Long[1, 1L << 20]).Sample((rate, wanted) =>
        {
            wanted = Math.Min(wanted, Math.Max(1, rate / 20));
            TokenBucket bucket = new(rate, 0);
            bucket.Take(bucket.Available(0));
            TimeSpan wait = bucket.TimeUntil(wanted);
            long ticks = (long)(wait.TotalSeconds * Stopwatch.Frequency);
            bool isEnough = bucket.Available(ticks) >= wanted;
            return isEnough && (wait.TotalMilliseconds <= 1 || (wait.TotalMilliseconds - 1) * rate / 1000 <= wanted);
        });
}
