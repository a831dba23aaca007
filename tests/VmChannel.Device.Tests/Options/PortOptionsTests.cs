using CsCheck;
using VmChannel.Device.Channels;
using VmChannel.Device.Chardevs;
using VmChannel.Device.Options;
using VmChannel.Device.Ports;
using VmChannel.Device.Services;
using Xunit;

namespace VmChannel.Device.Tests.Options;

public sealed class PortOptionsTests
{
    private static readonly ServiceSpec[] Services = [new("clipboard", ["org.qemu.clipboard"], [], ""), new("log", [], ["path"], "")];

    private static readonly string[] Pieces =
    [
        "port", "nr", "protocol", "name", "char", "service", "on-disconnect", "on-guest-close", "disconnect", "=", ",", ",,", "org.a", "unix:/a", "tcp:h:1", "log", "path", "hold",
        "4", "99999999999", "é", "\0", "\n", "server", ".", "rate", "buffer", "history", "64K", "logfile", "logsize", "logkeep", "readonly", "clients", "allow",
        "uid:", "/",
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
    public void TryParseSerial_NoLimits_HasTheDefaults()
    {
        PortRequest request = Parse("protocol=org.a,char=null");
        Assert.Equal(PortLimits.Default, request.Limits);
        Assert.Null(request.Limits.BytesPerSecond);
        Assert.Equal(256 * 1024, request.Limits.BufferBytes);
        Assert.Equal(0, request.Limits.HistoryBytes);
        Assert.Equal(PortAccess.ReadWrite, request.Limits.Access);
        Assert.Null(request.LogFile);
    }

    [Fact]
    public void TryParseSerial_EveryLimit_YieldsEveryField()
    {
        PortRequest request = Parse(
            "protocol=org.a,char=unix:/a,server,rate=64K/s,buffer=1M,history=16k,readonly,logfile=/l,,1,logappend,logsize=10M,logkeep=0");
        Assert.Equal(
            new PortLimits { BytesPerSecond = 65536, BufferBytes = 1 << 20, HistoryBytes = 16384, Access = PortAccess.ReadOnly }, request.Limits);
        Assert.Equal(new LogFileSpec("/l,1", Append: true, 10 << 20, Keep: 0), request.LogFile);
    }

    [Theory]
    [InlineData("1000", 1000L)]
    [InlineData("64K", 65536L)]
    [InlineData("1m", 1048576L)]
    [InlineData("1G", 1073741824L)]
    [InlineData("512B", 512L)]
    [InlineData("0", null)]
    public void TryParseSerial_Rate_CountsInPowersOf1024(string text, long? expected)
        => Assert.Equal(expected, Parse($"protocol=a,rate={text}").Limits.BytesPerSecond);

    [Fact]
    public void TryParseSerial_LogFileAlone_IsTruncatedAndNeverRotated()
        => Assert.Equal(new LogFileSpec("/l", Append: false, RotateBytes: null, Keep: 3), Parse("protocol=a,logfile=/l").LogFile);

    [Fact]
    public void TryParseSerial_WriteOnly_IsTheAccess()
        => Assert.Equal(PortAccess.WriteOnly, Parse("protocol=a,writeonly=on,readonly=off").Limits.Access);

    [Fact]
    public void TryParseSerial_ClientKeysAfterChar_GoToTheChardev()
    {
        PortRequest request = Parse("protocol=a,char=unix:/a,server,clients=4,mode=broadcast,rate=1K,allow=uid:1");
        ChardevSpec.Unix unix = Assert.IsType<ChardevSpec.Unix>(request.Chardev);
        Assert.Equal(new ClientsSpec(4, ClientMode.Broadcast, AllMayWrite: false), unix.Clients);
        Assert.Equal("uid:1", unix.Allow?.ToString());
        Assert.Equal(1024, request.Limits.BytesPerSecond);
    }

    [Fact]
    public void TryParseConsole_LimitsThatHoldNothingBack_AreTaken()
    {
        Assert.True(PortOptions.TryParseConsole("buffer=4K,history=8K,logfile=/l,writeonly", Services, out PortRequest? request, out string? error), error);
        Assert.Equal(new PortLimits { BufferBytes = 4096, HistoryBytes = 8192, Access = PortAccess.WriteOnly }, request.Limits);
        Assert.Equal(new ChardevSpec.Stdio(true), request.Chardev);
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
    [InlineData("protocol=a,on-guest-close=drop", "say keep or disconnect")]
    [InlineData("protocol=a,transport=usb,adapter=cdc", "say ftdi or acm")]
    [InlineData("protocol=a,adapter=acm", "adapter= is for USB adapters")]
    [InlineData("protocol=a,rate=fast", "rate=fast: bytes per second are needed")]
    [InlineData("protocol=a,rate=-1", "bytes per second are needed")]
    [InlineData("protocol=a,rate=2T", "bytes per second are needed")]
    [InlineData("protocol=a,rate=1M/m", "bytes per second are needed")]
    [InlineData("protocol=a,rate", "rate needs a value")]
    [InlineData("protocol=a,rate=1,rate=2", "rate is given twice")]
    [InlineData("protocol=a,buffer=4095", "from 4K to 64M")]
    [InlineData("protocol=a,buffer=65M", "from 4K to 64M")]
    [InlineData("protocol=a,history=17M", "from 0 to 16M")]
    [InlineData("protocol=a,histroy=1M", "did you mean history?")]
    [InlineData("protocol=a,readonly=maybe", "readonly=maybe: say on or off")]
    [InlineData("protocol=a,readonly,writeonly", "readonly and writeonly exclude each other")]
    [InlineData("protocol=a,readonly,readonly=on", "readonly is given twice")]
    [InlineData("protocol=a,logfile=", "logfile is empty")]
    [InlineData("protocol=a,logappend", "logappend= goes with logfile=")]
    [InlineData("protocol=a,logsize=1M", "logsize= goes with logfile=")]
    [InlineData("protocol=a,logkeep=1", "logkeep= goes with logfile=")]
    [InlineData("protocol=a,logfile=/l,logkeep=1", "logkeep= goes with logsize=")]
    [InlineData("protocol=a,logfile=/l,logsize=63K", "from 64K on")]
    [InlineData("protocol=a,logfile=/l,logsize=99999999999G", "from 64K on")]
    [InlineData("protocol=a,logfile=/l,logsize=1M,logkeep=100", "from 0 to 99")]
    [InlineData("protocol=a,logfile=/l,logappend=x", "logappend=x: say on or off")]
    [InlineData("protocol=a,server", "server belongs to what serves the port")]
    [InlineData("protocol=a,char=null,clients=2", "unknown option clients")]
    public void TryParseSerial_Wrong_NamesOptionAndSaysWhatToDo(string text, string expected)
    {
        Assert.False(PortOptions.TryParseSerial(text, Services, out PortRequest? request, out string? error));
        Assert.Null(request);
        Assert.StartsWith($"-virtioserial {text}: ", error, StringComparison.Ordinal);
        Assert.Contains(expected, error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("port=1", "always port 0")]
    [InlineData("on-disconnect=hold", "never held back")]
    [InlineData("on-guest-close=disconnect", "the guest never closes a console")]
    [InlineData("rate=1M", "never held back")]
    [InlineData("rat=1M", "unknown option rat")]
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

    [Fact]
    public void TryParseUsb_NameThatFitsInAProductString_IsAnAdapter()
    {
        string name = new('a', 116);
        Assert.True(PortOptions.TryParseUsb($"protocol={name},char=null", [], out PortRequest? request, out string? error), error);
        Assert.Equal(PortTransport.UsbSerial, request.Transport);
        Assert.True(PortOptions.TryParseSerial($"transport=usb,protocol={name},char=null", [], out request, out _));
        Assert.Equal(PortTransport.UsbSerial, request.Transport);

        Assert.False(PortOptions.TryParseUsb($"protocol={name}b,char=null", [], out _, out error));
        Assert.EndsWith("has 117 characters; a USB adapter's has at most 116, because its product string holds no more", error, StringComparison.Ordinal);
        Assert.False(PortOptions.TryParseConsole("transport=usb", [], out _, out _));
    }
}
