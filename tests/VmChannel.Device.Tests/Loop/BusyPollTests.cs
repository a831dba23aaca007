using System.Diagnostics;
using VmChannel.Device.Loop;
using Xunit;

namespace VmChannel.Device.Tests.Loop;

public sealed class BusyPollTests
{
    private static readonly TimeSpan Most = TimeSpan.FromMilliseconds(100);
    private static readonly long Short = Stopwatch.Frequency / 100;
    private static readonly long Long = Stopwatch.Frequency;

    [Fact]
    public void Zero_NeverLooks()
    {
        BusyPoll poll = new(TimeSpan.Zero);
        poll.OnSlept(0);
        Assert.False(poll.IsAllowed || poll.IsOn);
    }

    [Fact]
    public void ShortSleep_LooksBeforeTheNext()
    {
        BusyPoll poll = new(Most);
        Assert.False(poll.IsOn);
        poll.OnSlept(Short);
        poll.Begin();
        Assert.True(poll.IsOn && poll.GoesOn());
    }

    [Fact]
    public void LongSleeps_EndInNoLookAtAll()
    {
        BusyPoll poll = new(Most);
        for (int i = 0; i < 100; i++)
        {
            poll.OnSlept(Short);
        }

        int longOnes = 0;
        for (; poll.IsOn; longOnes++)
        {
            poll.OnSlept(Long);
        }

        Assert.InRange(longOnes, 1, 4);
        poll.Begin();
        Assert.False(poll.GoesOn());
    }

    [Fact]
    public void Look_IsOverInTime()
    {
        BusyPoll poll = new(Most);
        for (int i = 0; i < 100; i++)
        {
            poll.OnSlept(Short);
        }

        poll.Begin();
        long began = Stopwatch.GetTimestamp();
        while (poll.GoesOn())
        {
        }

        Assert.True(Stopwatch.GetElapsedTime(began) >= Most / 2);
    }
}
