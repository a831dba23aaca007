using System.Diagnostics;
using VmChannel.Device.VirtioSerial;
using Xunit;

namespace VmChannel.Device.Tests.VirtioSerial;

/// <summary>When messages may wait for a kick, by a clock of the test's own.</summary>
public sealed class KickPaceTests
{
    private const int RingSize = 256;
    private static readonly long Millisecond = Stopwatch.Frequency / 1000;

    private readonly KickPace _pace = new();
    private long _now = Stopwatch.Frequency;

    [Fact]
    public void FewMessages_NeverWait()
    {
        Stream(rate: 5, milliseconds: 100);
        Assert.Equal(0, _pace.Known);
    }

    [Theory]
    [InlineData(10, 1)]
    [InlineData(60, 10)]
    [InlineData(10_000, 32)]
    public void Stream_WaitsForWhatComesInASixthOfAMillisecond(int rate, int known)
    {
        Stream(rate, milliseconds: 5);
        Assert.InRange(_pace.Known, known, known + 1);
    }

    [Fact]
    public void SmallRing_IsNotFilledByWhatWaits()
    {
        Turn(1, 16);
        for (int i = 0; i < 1000; i++)
        {
            _now += Millisecond / 100;
            Turn(1, 16);
        }

        Assert.InRange(_pace.Known, 1, 2);
    }

    [Fact]
    public void DriverThatWaitsForItsBuffers_NeverWaits()
    {
        Stream(rate: 60, milliseconds: 10, streams: false);
        Assert.Equal(0, _pace.Known);
    }

    [Fact]
    public void Answer_EndsTheWaiting()
    {
        Stream(60, 5);
        Assert.True(_pace.OnAnswer());
        Assert.Equal(0, _pace.Known);
        Assert.False(_pace.OnAnswer());
    }

    [Fact]
    public void StreamWithAnswers_NeverWaits()
    {
        for (int i = 0; i < 20; i++)
        {
            Stream(60, 1);
            _ = _pace.OnAnswer();
        }

        Assert.Equal(0, _pace.Known);
    }

    /// <summary>Bursts that somebody waits for at the other end: each lost a moment, so there are fewer and fewer attempts.</summary>
    [Fact]
    public void BurstsThatStopAmidABatch_AreTriedLessAndLess()
    {
        int stopped = 0;
        for (int i = 0; i < 1000; i++)
        {
            Stream(60, 3);
            bool waits = _pace.Known > 0;
            stopped += waits ? 1 : 0;
            _now += Millisecond;
            Turn(1, RingSize);
            Assert.Equal(0, _pace.Known);
        }

        Assert.InRange(stopped, 1, 20);
    }

    [Fact]
    public void EndBetweenBatches_TheNextMessageDoesNotWait()
    {
        Stream(60, 5);
        Assert.NotEqual(0, _pace.Known);
        _now += Millisecond;
        Turn(0, RingSize);
        Assert.Equal(0, _pace.Known);
        Stream(60, 3);
        Assert.NotEqual(0, _pace.Known);
    }

    private void Stream(int rate, int milliseconds, bool streams = true)
    {
        for (long end = _now + (milliseconds * Millisecond); _now < end;)
        {
            int chains = _pace.Known + 1;
            _now += Math.Max(1, Millisecond * chains / rate);
            _pace.OnTurn(chains, streams, RingSize, _now);
        }
    }

    private void Turn(int chains, int ringSize) => _pace.OnTurn(chains, streams: true, ringSize, _now);
}
