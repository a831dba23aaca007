using VmChannel.Device.Chardevs;
using VmChannel.Device.Options;
using VmChannel.Device.Ports;
using VmChannel.Device.Services;
using Xunit;

namespace VmChannel.Device.Tests.Options;

public sealed class PortChangeTests
{
    private const string Whole = "port=4,protocol=org.a,char=unix:/a,server,on-disconnect=discard,rate=1M,buffer=8K,readonly,logfile=/l,logsize=1M,logkeep=7";

    private static readonly ServiceSpec[] Services = [new("clipboard", ["org.qemu.clipboard"], ["size"], ""), new("log", [], ["path", "kind"], "")];

    [Theory]
    [InlineData("rate=2M", PortDifference.Limits)]
    [InlineData("rate=1024K", PortDifference.None)]
    [InlineData("rate=0", PortDifference.Limits)]
    [InlineData("readonly=off", PortDifference.Limits)]
    [InlineData("on-disconnect=hold", PortDifference.Policy)]
    [InlineData("on-disconnect=hold,on-guest-close=disconnect", PortDifference.Policy)]
    [InlineData("on-guest-close=keep", PortDifference.None)]
    [InlineData("logfile=", PortDifference.LogFile)]
    [InlineData("logfile=/m", PortDifference.LogFile)]
    [InlineData("logkeep=1", PortDifference.LogFile)]
    [InlineData("char=unix:/a,server", PortDifference.None)]
    [InlineData("char=unix:/a,server,clients=2", PortDifference.HostEnd)]
    [InlineData("char=tcp:h:1,rate=0,on-disconnect=hold", PortDifference.HostEnd | PortDifference.Limits | PortDifference.Policy)]
    [InlineData("service=log,path=/x", PortDifference.HostEnd)]
    public void TryParseChange_Given_ReplacesThatAndNothingElse(string text, PortDifference expected)
    {
        PortPlan current = Plan(Whole);
        PortPlan changed = Change(current, text);
        Assert.Equal(expected, current.DifferenceTo(changed));
        Assert.Equal(expected == PortDifference.None, current.Equals(changed));
        Assert.Equal(expected, changed.DifferenceTo(current));
    }

    [Fact]
    public void TryParseChange_WriteOnlyOfAReadOnlyPort_IsWriteOnly()
        => Assert.Equal(PortAccess.WriteOnly, Change(Plan(Whole), "writeonly").Spec.Limits.Access);

    [Fact]
    public void TryParseChange_LogFileAlone_KeepsSizeAndNumber()
        => Assert.Equal(new LogFileSpec("/m", Append: false, 1 << 20, 7), Change(Plan(Whole), "logfile=/m").Spec.LogFile);

    [Fact]
    public void TryParseChange_LogFileEnded_ForgetsItsSizeToo()
    {
        PortPlan ended = Change(Plan(Whole), "logfile=");
        Assert.Null(ended.Spec.LogFile);
        Assert.Equal(new LogFileSpec("/n"), Change(ended, "logfile=/n").Spec.LogFile);
    }

    [Fact]
    public void TryParseChange_OptionOfItsService_KeepsTheOthers()
    {
        PortPlan changed = Change(Plan("protocol=org.a,service=log,path=/a,kind=x"), "path=/b");
        Assert.Equal("log", changed.Service);
        Assert.Equal("/b", changed.ServiceOptions["path"]);
        Assert.Equal("x", changed.ServiceOptions["kind"]);
    }

    [Fact]
    public void TryParseChange_OtherService_HasOnlyItsOwnOptions()
    {
        PortPlan changed = Change(Plan("protocol=org.a,service=log,path=/a"), "service=clipboard");
        Assert.Equal("clipboard", changed.Service);
        Assert.Empty(changed.ServiceOptions);
        changed = Change(changed, "char=null");
        Assert.Null(changed.Service);
        Assert.Equal(new ChardevSpec.Null(), changed.Chardev);
    }

    [Fact]
    public void TryParseChange_Console_KeepsItsTerminal()
    {
        Assert.True(PortOptions.TryParseConsole("", Services, out PortRequest? request, out string? error), error);
        PortTable table = new(31, Services);
        Assert.True(table.TryAdd(request, out PortPlan? plan, out error), error);
        PortPlan changed = Change(plan, "buffer=8K");
        Assert.Equal(PortDifference.Limits, plan.DifferenceTo(changed));
        Assert.Equal(new ChardevSpec.Stdio(true), changed.Chardev);
    }

    [Theory]
    [InlineData("", "nothing is to be changed")]
    [InlineData("port=5", "port=5: a port keeps its number, name, transport and adapter while it is plugged: unplug it")]
    [InlineData("nr=4", "unplug it")]
    [InlineData("protocol=org.a", "unplug it")]
    [InlineData("name=org.b", "unplug it")]
    [InlineData("server", "server belongs to what serves the port: it goes after char=")]
    [InlineData("rate=x", "bytes per second are needed")]
    [InlineData("rtae=1", "did you mean rate?")]
    [InlineData("char=null,service=log", "exclude each other")]
    [InlineData("readonly,writeonly", "exclude each other")]
    [InlineData("logfile=,logkeep=1", "logkeep= goes with logfile=")]
    [InlineData("logsize=0", "logkeep= goes with logsize=")]
    public void TryParseChange_Wrong_NamesPortAndSaysWhatToDo(string text, string expected)
    {
        Assert.False(PortOptions.TryParseChange(text, Plan(Whole), Services, out PortPlan? changed, out string? error));
        Assert.Null(changed);
        Assert.StartsWith("port 4 (org.a): ", error, StringComparison.Ordinal);
        Assert.Contains(expected, error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("on-disconnect=hold")]
    [InlineData("rate=1")]
    public void TryParseChange_OfAConsole_HoldsNothingBack(string text)
    {
        Assert.True(PortOptions.TryParseConsole("", Services, out PortRequest? request, out string? error), error);
        Assert.True(new PortTable(31, Services).TryAdd(request, out PortPlan? plan, out error), error);
        Assert.False(PortOptions.TryParseChange(text, plan, Services, out _, out error));
        Assert.Contains("never held back", error, StringComparison.Ordinal);
    }

    [Fact]
    public void Plan_OfTheSameTextTwice_IsEqualWhateverItsOrigin()
    {
        PortPlan plan = Plan("protocol=org.a,service=log,path=/a,kind=x");
        PortPlan same = Plan("protocol=org.a,service=log,kind=x,path=/a");
        Assert.Equal(plan, same);
        Assert.Equal(plan.GetHashCode(), same.GetHashCode());
        Assert.NotEqual(plan, Plan("protocol=org.a,service=log,kind=y,path=/a"));
        Assert.NotEqual(plan, Plan("protocol=org.a,service=log,kind=x"));
        Assert.Equal(PortDifference.Identity, plan.DifferenceTo(Plan("port=9,protocol=org.a,service=log,kind=x,path=/a")));
    }

    private static PortPlan Change(PortPlan current, string text)
    {
        Assert.True(PortOptions.TryParseChange(text, current, Services, out PortPlan? changed, out string? error), error);
        return changed;
    }

    private static PortPlan Plan(string text)
    {
        Assert.True(PortOptions.TryParseSerial(text, Services, out PortRequest? request, out string? error), error);
        Assert.True(new PortTable(31, Services).TryAdd(request, out PortPlan? plan, out error), error);
        return plan;
    }
}
