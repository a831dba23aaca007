using CsCheck;
using VmChannel.Device.Channels;
using VmChannel.Device.Chardevs;
using VmChannel.Device.Options;
using VmChannel.Device.Services;
using Xunit;

namespace VmChannel.Device.Tests.Options;

public sealed class PortOptionsTests
{
    private static readonly ServiceSpec[] Services = [new("clipboard", "org.qemu.clipboard", [], ""), new("log", null, ["path"], "")];

    private static readonly string[] Pieces =
    [
        "port", "nr", "protocol", "name", "char", "service", "on-disconnect", "=", ",", ",,", "org.a", "unix:/a", "tcp:h:1", "log", "path", "hold",
        "4", "99999999999", "é", "\0", "\n", "server", ".",
    ];

    [Fact]
    public void TryParseSerial_EveryKey_YieldsEveryField()
    {
        PortRequest request = Parse("port=4,protocol=org.a,char=unix:/a,server,on-disconnect=discard");
        Assert.Equal(4, request.Number);
        Assert.Equal("org.a", request.Protocol?.Text);
        Assert.Equal("unix:/a", request.Chardev?.ToString());
        Assert.Equal(DisconnectPolicy.Discard, request.OnDisconnect);
        Assert.False(request.IsConsole);
    }

    [Fact]
    public void TryParseSerial_QemuWords_MeanTheSame()
    {
        PortRequest request = Parse("nr=4,name=org.a,char=null");
        Assert.Equal(4, request.Number);
        Assert.Equal("org.a", request.Protocol?.Text);
        Assert.Equal(DisconnectPolicy.Hold, request.OnDisconnect);
    }

    [Fact]
    public void TryParseSerial_KeyBothHave_GoesToTheChardevOnceAndThenToThePort()
    {
        PortRequest request = Parse("protocol=org.a,char=socket,host=h,port=4444,port=4");
        Assert.Equal("tcp:h:4444", request.Chardev?.ToString());
        Assert.Equal(4, request.Number);
        Assert.Equal(7, Parse("protocol=org.a,char=tcp:h:4444,port=7").Number);
    }

    [Fact]
    public void TryParseSerial_ServiceKeys_GoToTheService()
    {
        PortRequest request = Parse("service=log,path=/l,protocol=org.a");
        Assert.Equal("log", request.Service);
        Assert.Equal("/l", request.ServiceOptions["path"]);
    }

    [Fact]
    public void TryParseConsole_Empty_IsStdio()
    {
        Assert.True(PortOptions.TryParseConsole("", Services, out PortRequest? request, out string? error), error);
        Assert.True(request.IsConsole);
        Assert.Equal(new ChardevSpec.Stdio(true), request.Chardev);
        Assert.Null(request.Protocol);
    }

    [Theory]
    [InlineData("", "before or after a comma")]
    [InlineData("char=null", "protocol is missing")]
    [InlineData("protcol=a", "did you mean protocol?")]
    [InlineData("protocol=", "protocol is empty")]
    [InlineData("protocol=a..b", "two dots in a row")]
    [InlineData("protocol=a/b", "letters, digits")]
    [InlineData("protocol", "protocol needs a value")]
    [InlineData("port=x,protocol=a", "a port number is needed")]
    [InlineData("port=-1,protocol=a", "a port number is needed")]
    [InlineData("port=1,nr=2,protocol=a", "nr is given twice")]
    [InlineData("protocol=a,name=b", "name is given twice")]
    [InlineData("protocol=a,char=unix", "path is missing")]
    [InlineData("protocol=a,char=unix:/a,servr=on", "did you mean server?")]
    [InlineData("protocol=a,char=null,service=log", "exclude each other")]
    [InlineData("protocol=a,service=lgo", "did you mean log?")]
    [InlineData("protocol=a,service=log,pth=x", "did you mean path?")]
    [InlineData("protocol=a,on-disconnect=drop", "say hold or discard")]
    public void TryParseSerial_Wrong_NamesOptionAndSaysWhatToDo(string text, string expected)
    {
        Assert.False(PortOptions.TryParseSerial(text, Services, out PortRequest? request, out string? error));
        Assert.Null(request);
        Assert.StartsWith($"-virtioserial {text}: ", error, StringComparison.Ordinal);
        Assert.Contains(expected, error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("port=1", "always port 0")]
    [InlineData("on-disconnect=hold", "unknown option on-disconnect")]
    public void TryParseConsole_Wrong_SaysWhatToDo(string text, string expected)
    {
        Assert.False(PortOptions.TryParseConsole(text, Services, out _, out string? error));
        Assert.Contains(expected, error, StringComparison.Ordinal);
    }

    [Fact]
    public void TryParse_AnyText_NeverThrows()
        => Gen.OneOf(Gen.String, Gen.Int[0, Pieces.Length - 1].Select(i => Pieces[i]).Array[0, 12].Select(string.Concat)).Sample(text =>
        {
            bool isSerial = PortOptions.TryParseSerial(text, Services, out PortRequest? serial, out string? serialError);
            bool isConsole = PortOptions.TryParseConsole(text, Services, out PortRequest? console, out string? consoleError);
            return isSerial == serialError is null && isSerial == serial is not null
                && isConsole == consoleError is null && isConsole == console is not null;
        });

    private static PortRequest Parse(string text)
    {
        Assert.True(PortOptions.TryParseSerial(text, Services, out PortRequest? request, out string? error), error);
        return request;
    }
}
