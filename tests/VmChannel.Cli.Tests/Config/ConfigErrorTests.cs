using System.Text;
using VmChannel.Cli.Config;
using Xunit;

namespace VmChannel.Cli.Tests.Config;

/// <summary>Every error says file, line, what is wrong and what to do.</summary>
public sealed class ConfigErrorTests
{
    [Fact]
    public void ReadControl_TokenFileThatCannotBeUsed_IsAnErrorOfItsLine()
    {
        ControlConfig control = new(null, "127.0.0.1:7000", "/nowhere/token") { TokenFileLine = 3 };

        ConfigException error = Assert.Throws<ConfigException>(() => ConfigFile.ReadControl("host.toml", control));

        Assert.StartsWith("host.toml:3: control-token-file /nowhere/token: ", Assert.Single(error.Errors), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("vhost-usr = \"b\"", "4: unknown key vhost-usr in [vm.a]: did you mean vhost-user?")]
    [InlineData("vhost-user = \"b\"", "4: vhost-user is given twice, first in line 2: remove one")]
    [InlineData("connect = \"b\"", "4: vhost-user and connect exclude each other: give one")]
    [InlineData("qmp = \"b\"", "4: vhost-user and qmp exclude each other: give one")]
    [InlineData("leave-ports = true", "4: leave-ports is about the ports that qmp")]
    [InlineData("fd = true", "4: fd is true or false: a number or a text is needed")]
    [InlineData("max-ports = 0", "4: max-ports = 0: a number from 1 to 127 is needed")]
    [InlineData("max-ports = \"many\"", "4: max-ports = many: a number from 1 to 127 is needed")]
    [InlineData("max-ports = 1.5", "4: max-ports is a number with a point: a number or a text is needed")]
    [InlineData("resize-order = \"older\"", "4: resize-order = older: say new or old")]
    [InlineData("resize-order = 1", "4: resize-order is a whole number: a text is needed: resize-order = \"…\"")]
    [InlineData("wake-nudge = \"no\"", "4: wake-nudge is a text: say true or false")]
    [InlineData("console = \"pty\"", "4: console is a text: write console = { char = \"pty\" }, or true for this terminal")]
    [InlineData("console = { chr = \"pty\" }", "4: unknown option chr: did you mean char?")]
    [InlineData("console = { port = 1 }", "4: port=1: a console is always port 0: leave port= out")]
    [InlineData("port = 1", "4: port is a whole number: each begins with a header in two brackets: [[vm.a.port]]")]
    [InlineData("port = [1]", "4: port holds a whole number: tables are needed: [[vm.a.port]]")]
    [InlineData("port = { protocol = \"org.a\" }", "4: port is a table: each begins with a header in two brackets: [[vm.a.port]]")]
    [InlineData("wake-nudge.x = 1", "4: wake-nudge is a table: say true or false")]
    [InlineData("usbredir = \"tcp:nowhere\"", "4: usbredir = tcp:nowhere: the address is not tcp:ADDRESS:PORT")]
    [InlineData("usbip = \"0.0.0.0\"", "4: usbip = 0.0.0.0: the address is reached by other machines")]
    [InlineData("usbip-open = true", "4: usbip-open is for usbip: give both")]
    [InlineData("usbip = \"127.0.0.1\"\nusbredir-dir = \"y\"", "4: usbredir-dir and usbip exclude each other: give one")]
    [InlineData("usbredir = \"x\"\nusbredir-dir = \"y\"", "5: usbredir and usbredir-dir exclude each other: give one")]
    public void VmKey_Wrong_IsLocated(string line, string expected)
        => Assert.Contains($"host.toml:{expected}", ConfigText.Errors($"[vm.a]\nvhost-user = \"a\"\n\n{line}\n")[0], StringComparison.Ordinal);

    [Theory]
    [InlineData("vhost-user = \"a\"", "transport = \"usb\"", "6: vm.a does not say where its USB adapters are fetched: add usbredir-dir")]
    [InlineData("usbredir-dir = \"a\"", "on-disconnect = \"hold\"", "3: vm.a has no virtio-serial device: write transport = \"usb\"")]
    [InlineData("usbredir-dir = \"a\"", "transport = \"usp\"", "6: transport=usp: say virtio or usb")]
    public void Transport_WithoutItsPlace_IsLocated(string place, string line, string expected)
        => Assert.Contains(
            $"host.toml:{expected}", ConfigText.Errors($"[vm.a]\n{place}\n[[vm.a.port]]\nprotocol = \"org.a\"\nservice = \"echo\"\n{line}\n")[0], StringComparison.Ordinal);

    [Theory]
    [InlineData("protocl = \"org.a\"", "5: unknown option protocl: did you mean protocol?")]
    [InlineData("protocol = \"org..a\"", "5: protocol=org..a: the name")]
    [InlineData("protocol = \"\"", "5: protocol is empty")]
    [InlineData("protocol = [\"org.a\"]", "5: protocol is a list: a text, a number, true or false is needed")]
    [InlineData("protocol = 2026-01-01", "5: protocol is a date: a text, a number, true or false is needed")]
    [InlineData("protocol = \"org.a\"\nport = -1", "6: port=-1: a port number is needed")]
    [InlineData("protocol = \"org.a\"\nport = 0\nchar = \"null\"", "3: port 0 is the console's")]
    [InlineData("protocol = \"org.a\"\nport = 31\nchar = \"null\"", "3: port 31 is beyond the limit")]
    [InlineData("protocol = \"org.a\"", "3: org.a is not built in")]
    [InlineData("protocol = \"org.a\"\nchar = \"unx:x\"", "6: no chardev unx: did you mean unix?")]
    [InlineData("protocol = \"org.a\"\nchar = \"unix:x,servr\"", "6: unknown option servr: did you mean server?")]
    [InlineData("protocol = \"org.a\"\nchar = \"unix:x,\"", "6: nothing stands before or after a comma")]
    [InlineData("protocol = \"org.a\"\nchar = \"unix:\"", "6: unix: nothing follows the colon")]
    [InlineData("protocol = \"org.a\"\nchar = \"tcp:h:1,wait\"", "6: tcp: wait=on is for a server")]
    [InlineData("protocol = \"org.a\"\nservice = \"lg\"\npath = \"x\"", "6: no service lg: did you mean log?")]
    [InlineData("protocol = \"org.a\"\nservice = \"log\"", "3: service=log: option path= is missing")]
    [InlineData("protocol = \"org.a\"\nservice = \"log\"\nchar = \"null\"", "3: char= and service= exclude each other")]
    [InlineData("protocol = \"org.a\"\nname = \"org.b\"\nchar = \"null\"", "6: name is given twice")]
    [InlineData("protocol = \"org.a\"\nservice = \"log\"\npath = \"a\\u0000b\"", "7: path is no option, or its value no option's")]
    [InlineData("char = \"null\"", "3: protocol is missing: write protocol=org.example.name")]
    [InlineData("options = \"protocol=org.a,char=null\"\nport = 3", "6: options holds all options of the port: move port into it")]
    [InlineData("options = 3", "5: options is a whole number: a text is needed")]
    [InlineData("options = \"protocol=org.a,,char=null\"", "5: protocol=org.a,char=null: the name")]
    public void PortKey_Wrong_IsLocated(string lines, string expected)
        => Assert.Contains(
            ConfigText.Errors($"[vm.a]\nvhost-user = \"a\"\n[[vm.a.port]]\n\n{lines}\n"),
            error => error.StartsWith($"host.toml:{expected}", StringComparison.Ordinal));

    [Theory]
    [InlineData("", "host.toml: no VM is in it: add [vm.NAME] with vhost-user = \"PATH\"")]
    [InlineData("vm = 3", "host.toml:1: vm is a whole number: tables with names are needed: [vm.NAME]")]
    [InlineData("vm.a = 3", "host.toml:1: vm.a is a whole number: a table is needed: [vm.a]")]
    [InlineData("[[vm]]", "host.toml:1: vm is a list: tables with names are needed: [vm.NAME]")]
    [InlineData("\n[vm.a]", "host.toml:2: vm.a does not say where its VMM is met: add vhost-user = \"PATH\"")]
    [InlineData("[vm.\"a b\"]\nfd=3", "host.toml:1: the name of vm.a b may have letters, digits, '.', '_' and '-' only: choose another")]
    [InlineData("[vm.a]\nvhost-user=\"\"", "host.toml:2: vhost-user = : the path is empty")]
    [InlineData("[vm.a]\nvhost-user=\"systemd:\"", "host.toml:2: vhost-user = systemd:: the name is missing")]
    [InlineData("contrl = \"x\"\n[vm.a]\nfd=3", "host.toml:1: unknown key contrl in the file: did you mean control?")]
    [InlineData("control = \"\"\n[vm.a]\nfd=3", "host.toml:1: control is empty: give a path, or \"none\"")]
    [InlineData("control-token-file = \"x\"\n[vm.a]\nfd=3", "host.toml:1: control-token-file is for control-tcp: give both")]
    [InlineData("control-token-file = \"x\"\ncontrol-tcp = \"host\"\n[vm.a]\nfd=3", "host.toml:2: control-tcp = host: an address and a port are needed")]
    [InlineData("poll-us = 1001\n[vm.a]\nfd=3", "host.toml:1: poll-us = 1001: a number of microseconds from 0 to 1000 is needed")]
    [InlineData("poll-us = true\n[vm.a]\nfd=3", "host.toml:1: poll-us is true or false: a number or a text is needed")]
    [InlineData("loops = 0\n[vm.a]\nfd=3", "host.toml:1: loops = 0: say auto, or a number from 1 to 1024")]
    [InlineData("loops = \"few\"\n[vm.a]\nfd=3", "host.toml:1: loops = few: say auto, or a number from 1 to 1024")]
    [InlineData("control-tcp = \"[::1]:1\"\n[vm.a]\nfd=3", "host.toml:1: control-tcp is open to everybody who reaches it: add control-token-file")]
    [InlineData("[vm.a]\nfd=3\n[vm.a]\nfd=4", "host.toml:3: a is given twice, first in line 1: remove one")]
    [InlineData("[vm.a]\nfd=3\n[vm.a.fd]\nx=4", "host.toml:3: fd is given twice, first in line 2: remove one")]
    [InlineData("[vm.a.port]\n[[vm.a.port]]", "host.toml:2: port is given twice, first in line 1: remove one")]
    [InlineData("vm = { a = { fd = 3 } }\n[vm.b]", "host.toml:2: vm is a table of line 1, and cannot be added to: write the key there")]
    public void File_Wrong_IsLocated(string text, string expected)
        => Assert.Contains(ConfigText.Errors(text), error => error.StartsWith(expected, StringComparison.Ordinal));

    [Theory]
    [InlineData("[vm.a]\nvhost-user = /run/a.sock\n", "host.toml:2: this is not TOML: ", ": a text stands in quotes: vhost-user = \"…\"")]
    [InlineData("[vm.a\nfd = 3\n", "host.toml:1: this is not TOML: ", ": a header is written [vm.NAME] or [[vm.NAME.port]]")]
    [InlineData("[vm.a]\nfd\n", "host.toml:2: this is not TOML: ", ": write key = value")]
    [InlineData("[vm.a]\nfd = \"3\\", "host.toml:2: this is not TOML: ", ": close its quotes")]
    [InlineData("[vm.a]\nfd = \"3\n", "host.toml:2: this is not TOML: ", ": check quotes and brackets")]
    public void Syntax_Wrong_IsLocatedAndExplained(string text, string beginning, string end)
    {
        string error = ConfigText.Errors(text)[0];

        Assert.StartsWith(beginning, error, StringComparison.Ordinal);
        Assert.EndsWith(end, error, StringComparison.Ordinal);
    }

    [Fact]
    public void Errors_OfAllKinds_AreAllReportedInTheOrderOfTheFile()
    {
        IReadOnlyList<string> errors = ConfigText.Errors("""
            control = 1
            [vm.a]
            vhost-user = "a.sock"
            max-prts = 3
            [[vm.a.port]]
            protocol = "org.a"
            char = "unx:x"
            port = 99999
            on-disconnect = "keep"
            [[vm.a.port]]
            char = "null"
            [vm.b]
            vhost-user = "./a.sock"
            """);

        Assert.Equal([1, 4, 7, 8, 9, 10, 13], errors.Select(error => int.Parse(error.Split(':')[1], System.Globalization.CultureInfo.InvariantCulture)));
    }

    [Theory]
    [InlineData("[[vm.a.port]]\nprotocol=\"org.a\"\nchar=\"unix:x,server\"\n[[vm.a.port]]\nprotocol=\"org.b\"\nchar=\"unix:./x,server\"",
        "8: org.b of vm.a has the socket ", ", which org.a of vm.a in line 5 has already: give each its own")]
    [InlineData("[vm.b]\nvhost-user=\"a.sock\"", "4: vm.b has the socket ", ", which vm.a in line 2 has already: give each its own")]
    [InlineData("console = true\n[vm.b]\nfd = 1\nconsole = true", "6: the console of vm.b has stdio", ", which the console of vm.a in line 3 has already: give each its own")]
    [InlineData("[vm.b]\nvhost-user=\"systemd:x\"\n[vm.c]\nvhost-user=\"systemd:x\"", "6: vm.c has systemd:x", ", which vm.b in line 4 has already: give each its own")]
    [InlineData("[[vm.a.port]]\nprotocol=\"org.a\"\nchar=\"null\"\n[[vm.a.port]]\nprotocol=\"org.a\"\nchar=\"null\"", "6: the name org.a is taken by port 1", "")]
    [InlineData("[[vm.a.port]]\nprotocol=\"org.a\"\nchar=\"null\"\nport=2\n[[vm.a.port]]\nprotocol=\"org.b\"\nchar=\"null\"\nport=2", "7: port 2 is taken by host.toml:3", "")]
    [InlineData("[[vm.a.port]]\nprotocol=\"org.a\"\nservice=\"log\"\npath=\"l\"\n[[vm.a.port]]\nprotocol=\"org.b\"\nservice=\"log\"\npath=\"./l\"",
        "10: org.b of vm.a has the file ", ", which org.a of vm.a in line 6 has already: give each its own")]
    public void Thing_WantedTwice_IsRefused(string lines, string beginning, string end)
    {
        string error = Assert.Single(ConfigText.Errors($"[vm.a]\nvhost-user = \"a.sock\"\n{lines}\n"));

        Assert.StartsWith($"host.toml:{beginning}", error, StringComparison.Ordinal);
        Assert.Contains(end, error, StringComparison.Ordinal);
    }

    [Fact]
    public void Bytes_NotUtf8_AreLocated()
        => Assert.Equal(["host.toml:2: this is not UTF-8: save the file in that encoding"], ConfigText.Errors([(byte)'#', (byte)'\n', (byte)'x', 0xFF]));

    [Fact]
    public void File_TooLarge_IsRefusedUnread()
        => Assert.Equal(["host.toml: larger than 1 MiB: this is no configuration file"], ConfigText.Errors(new byte[ConfigFile.MaxBytes + 1]));

    [Theory]
    [InlineData("a = [", "[", "")]
    [InlineData("", "[[vm.a.port]]\n", "")]
    [InlineData("", "a=1\n", "")]
    [InlineData("a", ".a", "=1")]
    [InlineData("x = \"", "\\u0041", "\"")]
    [InlineData("[vm.a]\n[[vm.a.port]]\noptions=\"", "prt,", "\"")]
    [InlineData("", "= \n", "")]
    public void File_MadeToHurt_EndsInFewErrors(string head, string body, string tail)
    {
        StringBuilder text = new(head, ConfigFile.MaxBytes);
        while (text.Length + body.Length + tail.Length < ConfigFile.MaxBytes)
        {
            text.Append(body);
        }

        IReadOnlyList<string> errors = ConfigText.Errors(text.Append(tail).ToString());

        Assert.InRange(errors.Count, 1, ConfigErrors.Most + 1);
        Assert.All(errors, error => Assert.InRange(error.Length, 1, 1000));
    }
}
