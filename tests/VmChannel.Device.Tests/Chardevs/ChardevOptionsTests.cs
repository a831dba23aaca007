using CsCheck;
using VmChannel.Device.Channels;
using VmChannel.Device.Chardevs;
using VmChannel.Device.Chardevs.Tls;
using VmChannel.Device.Chardevs.WebSockets;
using VmChannel.Native;
using Xunit;

namespace VmChannel.Device.Tests.Chardevs;

public sealed class ChardevOptionsTests
{
    private static readonly string[] Pieces =
    [
        "unix", "tcp", "socket", "pty", "file", "pipe", "stdio", "null", "fd", ":", ",", ",,", "=", "path", "host", "port", "server", "nowait",
        "wait=on", "reconnect-ms=5", "abstract", "on", "off", "/a", "[", "]", "::1", "0", "99999999999", "é", "\0", "\n", " ", "no", "input-path",
        "ws", "wss", "tls", "tls-cert", "tls-allow", "websocket", "origin", "https://a", "*",
    ];

    [Theory]
    [InlineData("unix:/a", "/a", false, false, null)]
    [InlineData("unix:/a,server,nowait", "/a", true, false, null)]
    [InlineData("unix:/a,server,wait", "/a", true, true, null)]
    [InlineData("unix:/a,server=on,wait=off", "/a", true, false, null)]
    [InlineData("unix:/a,server=yes", "/a", true, false, null)]
    [InlineData("unix:/a,server=true", "/a", true, false, null)]
    [InlineData("unix:/a,server=false", "/a", false, false, null)]
    [InlineData("unix:/a,noserver", "/a", false, false, null)]
    [InlineData("unix:/a,nowait", "/a", false, false, null)]
    [InlineData("unix:/a,,b,server", "/a,b", true, false, null)]
    [InlineData("unix:/a=b", "/a=b", false, false, null)]
    [InlineData("unix:/a:b", "/a:b", false, false, null)]
    [InlineData("unix:@name,server", "@name", true, false, null)]
    [InlineData("unix,path=/a", "/a", false, false, null)]
    [InlineData("socket,path=/a,server=on,wait=off", "/a", true, false, null)]
    [InlineData("socket,path=name,abstract=on,tight=off", "@name", false, false, null)]
    [InlineData("unix:/a,reconnect-ms=250", "/a", false, false, 250)]
    [InlineData("unix:/a,reconnect=3", "/a", false, false, 3000)]
    [InlineData("unix:/a,reconnect=0", "/a", false, false, null)]
    public void TryParse_Unix_YieldsEveryField(string text, string address, bool isServer, bool waits, int? reconnectMs)
    {
        ChardevSpec.Unix spec = Assert.IsType<ChardevSpec.Unix>(Parse(text));
        Assert.Equal(address, spec.Address.ToString());
        Assert.Equal(isServer, spec.IsServer);
        Assert.Equal(waits, spec.WaitsForClient);
        Assert.Equal(reconnectMs, (int?)spec.Reconnect?.TotalMilliseconds);
    }

    [Theory]
    [InlineData("tcp:localhost:4444", "localhost:4444", false, false)]
    [InlineData("tcp:localhost:4444,server,nowait,nodelay", "localhost:4444", true, true)]
    [InlineData("tcp::4444,server", ":4444", true, false)]
    [InlineData("tcp:[::1]:4444", "[::1]:4444", false, false)]
    [InlineData("socket,host=::1,port=4444,nodelay=on", "[::1]:4444", false, true)]
    [InlineData("socket,port=4444,server=on", ":4444", true, false)]
    public void TryParse_Tcp_YieldsEveryField(string text, string address, bool isServer, bool noDelay)
    {
        ChardevSpec.Tcp spec = Assert.IsType<ChardevSpec.Tcp>(Parse(text));
        Assert.Equal(address, spec.Address.ToString());
        Assert.Equal(isServer, spec.IsServer);
        Assert.Equal(noDelay, spec.NoDelay);
    }

    [Theory]
    [InlineData("unix:/a,server", 1, ClientMode.First, false)]
    [InlineData("unix:/a,server,clients=8", 8, ClientMode.First, false)]
    [InlineData("unix:/a,server,clients=64,mode=broadcast", 64, ClientMode.Broadcast, false)]
    [InlineData("socket,path=/a,server=on,clients=2,mode=broadcast,writers=all", 2, ClientMode.Broadcast, true)]
    [InlineData("tcp::1,server,clients=1024,mode=broadcast,writers=one", 1024, ClientMode.Broadcast, false)]
    public void TryParse_Clients_YieldsEveryField(string text, int count, ClientMode mode, bool allMayWrite)
    {
        ChardevSpec spec = Parse(text);
        Assert.Equal(new ClientsSpec(count, mode, allMayWrite), spec is ChardevSpec.Unix unix ? unix.Clients : ((ChardevSpec.Tcp)spec).Clients);
    }

    [Theory]
    [InlineData("allow=uid:1000", "uid:1000")]
    [InlineData("allow=gid:5/uid:7/gid:4/uid:7", "uid:7/gid:4/gid:5")]
    [InlineData("allow=uid:1,allow=gid:2/uid:3", "uid:1/uid:3/gid:2")]
    [InlineData("allow=uid:root/gid:root", "uid:0/gid:0")]
    public void TryParse_Allow_LooksNamesUpAndAddsUp(string text, string expected)
        => Assert.Equal(expected, Assert.IsType<ChardevSpec.Unix>(Parse($"unix:/a,server,{text}")).Allow?.ToString());

    [Theory]
    [InlineData("unix:/a,server", "socket,path=/a,server=on", true)]
    [InlineData("unix:/a,server", "unix:@/a,server", false)]
    [InlineData("unix:/a,server", "unix:/b,server", false)]
    [InlineData("unix:/a,server,allow=uid:1/gid:0", "unix:/a,server,allow=gid:root,allow=uid:1", true)]
    [InlineData("unix:/a,server,allow=uid:1", "unix:/a,server,allow=gid:1", false)]
    [InlineData("unix:/a,server,allow=uid:1", "unix:/a,server", false)]
    [InlineData("tcp::1,server", "tcp::1,server,clients=1", true)]
    [InlineData("tcp::1,server", "tcp::1,server,clients=2", false)]
    public void Spec_OfTwoTexts_IsEqualWhenBothMeanTheSame(string text, string other, bool isSame)
        => Assert.Equal(isSame, Parse(text).Equals(Parse(other)));

    [Theory]
    [InlineData("tcp::1,server,tls-cert=/c,tls-key=/k", "/c", "/k", null, null, null)]
    [InlineData("tcp::1,server,tls=on,tls-cert=/c,tls-ca=/a,tls-allow=alice,tls-allow=bob/carol", "/c", null, "/a", null, "alice/bob/carol")]
    [InlineData("tcp:h:1,tls", null, null, null, null, null)]
    [InlineData("tcp:h:1,tls-ca=/a,tls-name=vm.example", null, null, "/a", "vm.example", null)]
    [InlineData("socket,host=h,port=1,tls=on,tls-cert=/c", "/c", null, null, null, null)]
    [InlineData("wss:h:1", null, null, null, null, null)]
    [InlineData("ws:h:1,tls=on", null, null, null, null, null)]
    public void TryParse_Tls_YieldsEveryField(string text, string? certificate, string? key, string? authority, string? name, string? allowed)
        => Assert.Equal(new TlsSpec(certificate, key, authority, name, allowed), Assert.IsType<ChardevSpec.Tcp>(Parse(text)).Tls);

    [Theory]
    [InlineData("ws:h:1", "h:1", null, null, "ws:h:1")]
    [InlineData("ws::1/,server", ":1", "/", null, "ws::1/")]
    [InlineData("ws:[::1]:1/a/b,server,origin=https://a.example,origin=http://b:8080", "[::1]:1", "/a/b", "https://a.example http://b:8080", "ws:[::1]:1/a/b")]
    [InlineData("wss:h:1/a", "h:1", "/a", null, "wss:h:1/a")]
    [InlineData("ws,host=h,port=1,path=/a", "h:1", "/a", null, "ws:h:1/a")]
    [InlineData("socket,host=h,port=1,server=on,websocket=on,origin=*", "h:1", null, "*", "ws:h:1")]
    [InlineData("tcp:h:1,websocket", "h:1", null, null, "ws:h:1")]
    public void TryParse_WebSocket_YieldsEveryField(string text, string address, string? path, string? origins, string shown)
    {
        ChardevSpec.Tcp spec = Assert.IsType<ChardevSpec.Tcp>(Parse(text));
        Assert.Equal(address, spec.Address.ToString());
        Assert.Equal(new WebSocketSpec(path, origins), spec.WebSocket);
        Assert.Equal(shown, spec.ToString());
    }

    [Fact]
    public void TryParse_OtherBackends_YieldTheirs()
    {
        Assert.Equal(new ChardevSpec.Pty(null), Parse("pty"));
        Assert.Equal(new ChardevSpec.Pty("/l"), Parse("pty,path=/l"));
        Assert.Equal(new ChardevSpec.Pty("/l"), Parse("pty:/l"));
        Assert.Equal(new ChardevSpec.OutputFile("/f", false, null), Parse("file:/f"));
        Assert.Equal(new ChardevSpec.OutputFile("/f", true, "/i"), Parse("file,path=/f,append=on,input-path=/i"));
        Assert.Equal(new ChardevSpec.OutputFile("/f", true, null), Parse("file:/f,append"));
        Assert.Equal(new ChardevSpec.Pipe("/p"), Parse("pipe:/p"));
        Assert.Equal(new ChardevSpec.Pipe("/p"), Parse("pipe,path=/p"));
        Assert.Equal(new ChardevSpec.Stdio(true), Parse("stdio"));
        Assert.Equal(new ChardevSpec.Stdio(false), Parse("stdio,signal=off"));
        Assert.Equal(new ChardevSpec.Null(), Parse("null"));
        Assert.Equal(new ChardevSpec.Fd(7), Parse("fd:7"));
        Assert.Equal(new ChardevSpec.Fd(7), Parse("socket,fd=7"));
    }

    [Theory]
    [InlineData("", "before or after a comma")]
    [InlineData("unix:/a,", "before or after a comma")]
    [InlineData("unix:", "write unix:PATH")]
    [InlineData("unix", "path is missing")]
    [InlineData("unix,path=", "path is empty")]
    [InlineData("/run/a.sock", "unix:/run/a.sock")]
    [InlineData("unx:/a", "did you mean unix?")]
    [InlineData("udp:localhost:1", "no chardev udp")]
    [InlineData("null:x", "takes no colon")]
    [InlineData("unix:/a,servr", "did you mean server?")]
    [InlineData("unix:/a,nodelay", "unknown option nodelay")]
    [InlineData("unix:/a,server,server", "server is given twice")]
    [InlineData("unix:/a,path=/b", "path is given twice")]
    [InlineData("unix,path", "path needs a value")]
    [InlineData("unix:/a,server=maybe", "say on or off")]
    [InlineData("unix:/a,wait", "wait=on is for a server")]
    [InlineData("unix:/a,server,reconnect-ms=5", "is for a client")]
    [InlineData("unix:/a,reconnect-ms=x", "from 0 to")]
    [InlineData("unix:/a,reconnect-ms=-1", "from 0 to")]
    [InlineData("unix:/a,reconnect=1,reconnect-ms=1", "exclude each other")]
    [InlineData("unix:/0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890", "at most 107")]
    [InlineData("tcp:localhost", "the port is missing")]
    [InlineData("tcp:localhost:0", "needs the server's port")]
    [InlineData("tcp:localhost:65536", "from 0 to 65535")]
    [InlineData("tcp:localhost:http", "from 0 to 65535")]
    [InlineData("tcp:::1:4444", "goes into brackets")]
    [InlineData("tcp::4444", "host is empty")]
    [InlineData("tcp:a:1,ipv4=off,ipv6=off", "leave nothing")]
    [InlineData("socket", "path is missing")]
    [InlineData("socket,path=/a,host=b,port=1", "exclude each other")]
    [InlineData("socket,path=/a,nodelay=on", "does not go with path=")]
    [InlineData("socket,fd=3,server=on", "does not go with fd=")]
    [InlineData("unix:/a,clients=2", "clients= does not go with a client, only with a server: add server=on")]
    [InlineData("tcp:a:1,mode=first", "mode= does not go with a client")]
    [InlineData("unix:/a,allow=uid:1", "allow= does not go with a client")]
    [InlineData("unix:/a,server,clients=0", "a number from 1 to 1024 is needed")]
    [InlineData("unix:/a,server,clients=1025", "a number from 1 to 1024 is needed")]
    [InlineData("unix:/a,server,clients=2,clients=3", "clients is given twice")]
    [InlineData("unix:/a,server,clients=2,mode=all", "say first or broadcast")]
    [InlineData("unix:/a,server,clients=2,writers=two", "say one or all")]
    [InlineData("unix:/a,server,mode=broadcast", "add clients=N")]
    [InlineData("unix:/a,server,clients=2,writers=all", "goes with mode=broadcast")]
    [InlineData("tcp::1,server,allow=uid:1", "unknown option allow")]
    [InlineData("socket,port=1,server,allow=uid:1", "allow= does not go with host=")]
    [InlineData("socket,fd=3,clients=2", "clients= does not go with fd=")]
    [InlineData("unix:/a,server,allow=", "allow is empty")]
    [InlineData("unix:/a,server,allow=1000", "'1000' is no rule: say uid:1000")]
    [InlineData("unix:/a,server,allow=uid:", "'uid:' is no rule")]
    [InlineData("unix:/a,server,allow=uid:1/pid:1", "'pid:1' is no rule")]
    [InlineData("unix:/a,server,allow=uid:1,allow=user:1", "'user:1' is no rule")]
    [InlineData("unix:/a,server,allow=uid:no-such-user-here", "there is no user no-such-user-here on this machine")]
    [InlineData("unix:/a,server,allow=uid:0/gid:no-such-group-here", "there is no group no-such-group-here on this machine")]
    [InlineData("unix:/a,server,allow=uid:4294967295", "there is no user 4294967295")]
    [InlineData("tcp::1,server,tls", "a server needs a certificate: write tls-cert=FILE")]
    [InlineData("wss::1,server", "a server needs a certificate")]
    [InlineData("tcp::1,server,tls-cert=", "tls-cert is empty")]
    [InlineData("tcp::1,server,tls-cert=/c,tls=off", "tls=off does not go with tls-cert=")]
    [InlineData("wss:h:1,notls", "tls=off does not go with wss")]
    [InlineData("tcp:h:1,tls-key=/k", "tls-key= needs tls-cert=")]
    [InlineData("tcp:h:1,tls-allow=a", "tls-allow= is for a server")]
    [InlineData("tcp::1,server,tls-cert=/c,tls-name=a", "tls-name= is for a client")]
    [InlineData("tcp::1,server,tls-cert=/c,tls-allow=a", "tls-allow= needs tls-ca=")]
    [InlineData("tcp:h:1,tls-creds=tls0", "unknown option tls-creds")]
    [InlineData("socket,path=/a,tls=on", "tls= does not go with path=")]
    [InlineData("socket,path=/a,websocket=on", "websocket= does not go with path=")]
    [InlineData("tcp::1,server,tls-cert=/c,clients=2", "clients= does not go with TLS or WebSocket")]
    [InlineData("ws::1,server,clients=2,mode=broadcast", "clients= does not go with TLS or WebSocket")]
    [InlineData("ws:h", "the port is missing: write ws:HOST:PORT/PATH")]
    [InlineData("wss:::1:4444/", "write wss:[::1]:4444")]
    [InlineData("ws:", "write ws:HOST:PORT/PATH")]
    [InlineData("ws:h:1/a b", "a request's path begins with a slash")]
    [InlineData("ws:h:1/a?b", "a request's path begins with a slash")]
    [InlineData("ws,host=h,port=1,path=a", "a request's path begins with a slash")]
    [InlineData("ws:h:1,origin=*", "origin= is for a server")]
    [InlineData("tcp::1,server,origin=*", "add websocket=on")]
    [InlineData("ws::1,server,origin=example.org", "write it as browsers do")]
    [InlineData("ws::1,server,origin=https://example.org/", "write it as browsers do")]
    [InlineData("fd:x", "a whole number")]
    [InlineData("fd:99999999999", "a whole number")]
    public void TryParse_Wrong_SaysWhatAndWhatToDo(string text, string expected)
    {
        Assert.False(ChardevOptions.TryParse(text, out ChardevSpec? spec, out string? error));
        Assert.Null(spec);
        Assert.Contains(expected, error, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', error);
    }

    [Fact]
    public void TryParse_AnyText_NeverThrows()
        => Gen.OneOf(Gen.String, Gen.Int[0, Pieces.Length - 1].Select(i => Pieces[i]).Array[0, 12].Select(string.Concat)).Sample(text =>
        {
            bool isRight = ChardevOptions.TryParse(text, out ChardevSpec? spec, out string? error);
            return isRight ? spec is not null && error is null : spec is null && !string.IsNullOrEmpty(error);
        });

    [Fact]
    public void UnixAddress_Abstract_BeginsWithZeroAndIsPaddedOnlyWhenNotTight()
    {
        Assert.True(UnixAddress.TryCreate("n", isAbstract: true, isTight: true, out UnixAddress? tight, out _));
        Assert.Equal([1, 0, 0, (byte)'n'], tight.Encoded.ToArray());
        Assert.True(UnixAddress.TryCreate("n", isAbstract: true, isTight: false, out UnixAddress? padded, out _));
        Assert.Equal(110, padded.Encoded.Length);
    }

    [Fact]
    public void OptionWord_Split_UndoublesCommas()
    {
        List<string> words = OptionWord.Split("a,,b,c,,,d", out string? error);
        Assert.Null(error);
        Assert.Equal(["a,b", "c,", "d"], words);
    }

    private static ChardevSpec Parse(string text)
    {
        Assert.True(ChardevOptions.TryParse(text, out ChardevSpec? spec, out string? error), error);
        return spec;
    }
}
