using VmChannel.Device.Channels;
using VmChannel.Device.Options;
using VmChannel.Device.Ports;
using VmChannel.Device.Services;
using Xunit;

namespace VmChannel.Device.Tests.Options;

public sealed class PortTableTests
{
    private static readonly ServiceSpec[] Services = [new("clipboard", ["org.qemu.clipboard"], [], ""), new("echo", [], [], "")];

    [Fact]
    public void TryAddAll_NoNumbers_GetsTheLowestFreeAfterTheGivenOnes()
    {
        PortTable table = new(31, Services);
        Assert.True(table.TryAddAll([Serial("name=a,char=null"), Serial("nr=1,name=b,char=null"), Serial("name=c,char=null"), Console()], out string? error), error);
        Assert.Equal(["0 ", "1 b", "2 a", "3 c"], table.Plans.Select(plan => $"{plan.Spec.Number} {plan.Spec.Protocol}"));
    }

    [Fact]
    public void TryAdd_BuiltInProtocol_GetsItsService()
    {
        PortTable table = new(31, Services);
        Assert.True(table.TryAdd(Serial("protocol=org.qemu.clipboard"), out PortPlan? plan, out string? error), error);
        Assert.Equal("clipboard", plan.Service);
        Assert.True(table.TryAdd(Serial("protocol=any.name,service=echo"), out plan, out error), error);
        Assert.Equal("echo", plan.Service);
    }

    [Fact]
    public void Remove_TakenNumberAndName_AreFreeAgain()
    {
        PortTable table = new(31, Services);
        Assert.True(table.TryAddAll([Serial("nr=1,name=a,char=null")], out _));
        Assert.True(table.Remove(1));
        Assert.True(table.TryAddAll([Serial("nr=1,name=a,char=null")], out string? error), error);
    }

    [Theory]
    [InlineData("port=0,protocol=z,char=null", "port 0 is the console's")]
    [InlineData("port=4,protocol=z,char=null", "port 4 is taken by -virtioserial port=4,")]
    [InlineData("port=31,protocol=z,char=null", "port 31 is beyond the limit: --max-ports 31")]
    [InlineData("protocol=org.fish,char=null", "the name org.fish is taken by port 4")]
    [InlineData("protocol=org,char=null", "/dev/vmchannel/org would be a file and a folder")]
    [InlineData("protocol=org.fish.net,char=null", "/dev/vmchannel/org/fish would be a file and a folder")]
    [InlineData("protocol=org.unknown", "org.unknown is not built in (built in: org.qemu.clipboard)")]
    [InlineData("protocol=z,char=stdio", "stdio already serves port 4")]
    public void TryAdd_Conflict_NamesOptionAndSaysWhatToDo(string text, string expected)
    {
        PortTable table = new(31, Services);
        Assert.True(table.TryAddAll([Serial("port=4,protocol=org.fish,char=stdio")], out _));
        Assert.False(table.TryAdd(Serial(text), out PortPlan? plan, out string? error));
        Assert.Null(plan);
        Assert.StartsWith($"-virtioserial {text}: ", error, StringComparison.Ordinal);
        Assert.Contains(expected, error, StringComparison.Ordinal);
        _ = Assert.Single(table.Plans);
    }

    [Theory]
    [InlineData("protocol=z,char=null,logfile=/logs/a", "logfile=/logs/a is written for port 1 (a) already")]
    [InlineData("protocol=z,char=null,logfile=/logs/x/../a", "is written for port 1 (a) already")]
    [InlineData("protocol=z,char=null,logfile=/logs/f", "logfile=/logs/f is written for port 2 (b) already")]
    [InlineData("protocol=z,char=file:/logs/a", "file:/logs/a is the logfile of port 1 (a)")]
    [InlineData("protocol=z,char=file:/logs/z,logfile=/logs/z", "logfile=/logs/z is the chardev's own file")]
    public void TryAdd_LogFileOfAnother_IsRefused(string text, string expected)
    {
        PortTable table = new(31, Services);
        Assert.True(table.TryAddAll([Serial("port=1,protocol=a,char=null,logfile=/logs/a"), Serial("port=2,protocol=b,char=file:/logs/f")], out string? error), error);
        Assert.False(table.TryAdd(Serial(text), out _, out error));
        Assert.Contains(expected, error, StringComparison.Ordinal);
    }

    [Fact]
    public void TryAdd_LimitsAndLogFile_AreInThePlan()
    {
        PortTable table = new(31, Services);
        PortRequest request = Serial("protocol=a,char=null,logfile=/l,rate=1K,readonly");
        Assert.True(table.TryAdd(request, out PortPlan? plan, out string? error), error);
        Assert.Equal(request.Limits, plan.Spec.Limits);
        Assert.Equal(request.LogFile, plan.Spec.LogFile);
    }

    [Fact]
    public void TryReplace_OwnLogFileAndStdio_AreNoConflict()
    {
        PortTable table = new(31, Services);
        Assert.True(table.TryAdd(Serial("protocol=a,char=stdio,logfile=/l"), out PortPlan? plan, out string? error), error);
        PortPlan changed = plan with { Spec = plan.Spec with { OnDisconnect = DisconnectPolicy.Discard } };
        Assert.True(table.TryReplace(changed, out error), error);
        Assert.Same(changed, Assert.Single(table.Plans));
    }

    [Fact]
    public void TryReplace_LogFileOfAnother_ChangesNothing()
    {
        PortTable table = new(31, Services);
        Assert.True(table.TryAddAll([Serial("port=1,protocol=a,char=null,logfile=/l"), Serial("port=2,protocol=b,char=null")], out string? error), error);
        PortPlan second = table.Plans.Last();
        Assert.False(table.TryReplace(second with { Spec = second.Spec with { LogFile = new LogFileSpec("/l") } }, out error));
        Assert.Equal("port 2 (b): logfile=/l is written for port 1 (a) already: every port needs its own", error);
        Assert.Same(second, table.Plans.Last());
    }

    [Fact]
    public void TryReplace_AnotherPort_IsADefect()
    {
        PortTable table = new(31, Services);
        Assert.True(table.TryAdd(Serial("port=1,protocol=a,char=null"), out PortPlan? plan, out string? error), error);
        Assert.Throws<ArgumentException>(() => table.TryReplace(plan with { Spec = plan.Spec with { Protocol = "b" } }, out _));
        Assert.Throws<ArgumentException>(() => table.TryReplace(plan with { Spec = plan.Spec with { Number = 2 } }, out _));
    }

    [Fact]
    public void TryAdd_NoNumberFree_SaysTheLimit()
    {
        PortTable table = new(2, Services);
        Assert.True(table.TryAddAll([Serial("protocol=a,char=null")], out _));
        Assert.False(table.TryAdd(Serial("protocol=b,char=null"), out _, out string? error));
        Assert.Contains("--max-ports 2 leaves numbers 1 to 1", error, StringComparison.Ordinal);
    }

    [Fact]
    public void TryAdd_SecondConsole_IsRefused()
    {
        PortTable table = new(31, Services);
        Assert.True(table.TryAddAll([Console()], out _));
        Assert.False(table.TryAdd(Console(), out _, out string? error));
        Assert.Contains("a device has one", error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("char=unix:/a,server", null)]
    [InlineData("char=tcp::1,server,clients=4", null)]
    [InlineData("char=ws::1,server", null)]
    [InlineData("char=unix:/a,reconnect-ms=10", null)]
    [InlineData("char=unix:/a", "add reconnect-ms=1000")]
    [InlineData("char=tcp:h:1", "add reconnect-ms=1000")]
    [InlineData("char=pty", "pty has none: it is for unix, tcp and ws")]
    [InlineData("char=null", "null has none")]
    [InlineData("char=fd:3", "fd:3 has none")]
    [InlineData("service=echo", "the service echo has none")]
    [InlineData("char=unix:/a,server,on-disconnect=discard", "does not go with on-disconnect=discard")]
    [InlineData("char=unix:/a,server,writeonly", "does not go with writeonly")]
    public void OnGuestClose_Disconnect_IsForWhatHasConnections(string end, string? expected)
    {
        PortTable table = new(31, Services);
        bool isGood = table.TryAdd(Serial($"protocol=z,on-guest-close=disconnect,{end}"), out PortPlan? plan, out string? error);
        Assert.Equal(expected is null, isGood);
        Assert.Equal(isGood ? GuestClosePolicy.Disconnect : null, plan?.Spec.OnGuestClose);
        Assert.Contains(expected ?? "", error ?? "", StringComparison.Ordinal);

        // The same by a change of a port that is plugged.
        PortTable other = new(31, Services);
        Assert.True(other.TryAdd(Serial($"protocol=z,{end}"), out plan, out error), error);
        Assert.True(PortOptions.TryParseChange("on-guest-close=disconnect", plan, Services, out PortPlan? changed, out error), error);
        Assert.Equal(expected is null, other.TryReplace(changed, out error));
        Assert.Contains(expected ?? "", error ?? "", StringComparison.Ordinal);
    }

    private static PortRequest Serial(string text)
    {
        Assert.True(PortOptions.TryParseSerial(text, Services, out PortRequest? request, out string? error), error);
        return request;
    }

    private static PortRequest Console()
    {
        Assert.True(PortOptions.TryParseConsole("char=null", Services, out PortRequest? request, out string? error), error);
        return request;
    }
}
