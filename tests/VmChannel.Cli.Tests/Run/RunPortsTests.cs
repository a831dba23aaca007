using VmChannel.Cli.Run;
using Xunit;

namespace VmChannel.Cli.Tests.Run;

public sealed class RunPortsTests
{
    [Fact]
    public void FreeNumbers_NothingTaken_CountFromOne() => Assert.Equal([1, 2, 3, 4], RunPorts.FreeNumbers([], 4, 31));

    [Fact]
    public void FreeNumbers_UsersPorts_AreLeftAndFollowed() => Assert.Equal([5, 6, 7, 8], RunPorts.FreeNumbers([4, 2], 4, 31));

    [Fact]
    public void FreeNumbers_UserHasTheHighest_FillsTheGaps() => Assert.Equal([1, 2, 4, 5], RunPorts.FreeNumbers([3, 30], 4, 31));

    [Fact]
    public void FreeNumbers_NoRoom_SaysHowMuchIsLeft()
    {
        RunException error = Assert.Throws<RunException>(() => RunPorts.FreeNumbers([.. Enumerable.Range(1, 28)], 4, 31));

        Assert.Contains("yours leave 2 of 30", error.Message, StringComparison.Ordinal);
    }
}
