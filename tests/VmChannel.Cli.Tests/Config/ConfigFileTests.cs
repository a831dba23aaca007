using VmChannel.Cli.Config;
using VmChannel.Cli.Serve;
using VmChannel.Device.Channels;
using VmChannel.Device.Chardevs;
using VmChannel.Device.Options;
using VmChannel.Device.Ports;
using VmChannel.Device.VhostUser;
using Xunit;

namespace VmChannel.Cli.Tests.Config;

public sealed class ConfigFileTests
{
    [Fact]
    public async Task Example_OfTheRepository_IsRead()
    {
        ServerConfig config = await ConfigFile.ReadAsync(Path.Combine(Repository.Root, "examples", "two-vms.toml"), TestContext.Current.CancellationToken);

        Assert.Equal(["web", "db"], config.Vms.Select(vm => vm.Plan.Name));
        Assert.Equal(16, config.Vms[0].Plan.Device.Settings.MaxPorts);
        Assert.Equal(
            ["port 0", "port 1 (org.qemu.guest_agent.0)", "port 2 (org.example.log)"],
            config.Vms[0].Plan.Device.Ports.Select(port => port.Spec.ToString()));
        Assert.Equal(
            ["port 2 (org.qemu.guest_agent.0)", "port 4 (org.example.backup)"],
            config.Vms[1].Plan.Device.Ports.Select(port => port.Spec.ToString()));
    }

    [Fact]
    public void Vm_EveryKey_IsInThePlan()
    {
        ServerConfig config = ConfigText.Read("""
            control = "/run/vmchannel/host.sock"
            control-tcp = "127.0.0.1:7000"
            control-token-file = "/etc/vmchannel/token"
            poll-us = 50
            loops = 3

            [vm.web]
            vhost-user = "/run/web.sock"
            max-ports = 64
            resize-order = "old"
            wake-nudge = false
            in-band-notifications = true
            console = true
            """);

        Assert.Equal(new ControlConfig("/run/vmchannel/host.sock", "127.0.0.1:7000", "/etc/vmchannel/token"), config.Control);
        Assert.Equal(new LoopPlan(3, TimeSpan.FromMicroseconds(50)), config.Loops);
        VmConfig vm = Assert.Single(config.Vms);
        Assert.Equal("host.toml:7", vm.Origin);
        Assert.Equal("/run/web.sock", Assert.IsType<VhostUserEndpoint.Listen>(vm.Plan.Endpoint).Address.Name);
        Assert.Equal(64, vm.Plan.Device.Settings.MaxPorts);
        Assert.False(vm.Plan.Device.Settings.ResizeColumnsFirst);
        Assert.False(vm.Plan.Device.Settings.WakeNudges);
        Assert.True(vm.Plan.OffersInBand);
        Assert.IsType<ChardevSpec.Stdio>(Assert.Single(vm.Ports).Plan.Chardev);
    }

    [Fact]
    public void Vm_WithUsbAdaptersOnly_NeedsNoDevice()
    {
        VmConfig vm = Assert.Single(ConfigText.Read("""
            [vm.old]
            usbredir-dir = "/run/old"

            [[vm.old.port]]
            protocol = "org.example.api"
            transport = "usb"
            service = "echo"
            """).Vms);

        Assert.Null(vm.Plan.Endpoint);
        Assert.Equal("/run/old/org.example.api.sock", vm.Plan.Usb!.PathOf("org.example.api"));
        Assert.Equal(PortTransport.UsbSerial, Assert.Single(vm.Ports).Plan.Spec.Transport);
    }

    [Theory]
    [InlineData("connect = \"/run/a.sock\"", "/run/a.sock")]
    [InlineData("fd = 7", "descriptor 7")]
    [InlineData("qmp = \"/run/a.qmp\"\nleave-ports = true", "/run/a.qmp")]
    [InlineData("vhost-user = \"systemd:web\"", "systemd:web")]
    public void Endpoint_EveryKind_IsUnderstood(string line, string expected)
        => Assert.Equal(expected, ConfigText.Read($"[vm.a]\n{line}\n").Vms[0].Plan.Endpoint!.ToString());

    [Fact]
    public void Port_KeysInAnyOrder_MeanTheSame()
    {
        PortPlan plan = Port("server = true\non-disconnect = \"discard\"\nchar = \"socket,host=localhost,port=7070\"\nport = 4\nprotocol = \"org.example.x\"");

        Assert.Equal(4, plan.Spec.Number);
        Assert.Equal(DisconnectPolicy.Discard, plan.Spec.OnDisconnect);
        ChardevSpec.Tcp tcp = Assert.IsType<ChardevSpec.Tcp>(plan.Chardev);
        Assert.True(tcp is { IsServer: true, Address.Port: 7070 });
    }

    [Fact]
    public void Port_ValueWithAComma_IsOneValue()
        => Assert.Equal("a,b.log", Port("path = \"a,b.log\"\nservice = \"log\"\nprotocol = \"org.example.x\"").ServiceOptions["path"]);

    [Fact]
    public void Port_CharWithOptions_IsAnOptionString()
    {
        ChardevSpec.Unix unix = Assert.IsType<ChardevSpec.Unix>(Port("protocol = \"org.example.x\"\nchar = \"unix:/run/a,,b.sock,server,wait=on\"").Chardev);

        Assert.Equal("/run/a,b.sock", unix.Address.Name);
        Assert.True(unix is { IsServer: true, WaitsForClient: true });
    }

    [Fact]
    public void Port_ChardevKeysBesideChar_AreTheChardevs()
        => Assert.True(Assert.IsType<ChardevSpec.Unix>(Port("protocol = \"org.example.x\"\nchar = \"unix:/run/a.sock\"\nserver = true").Chardev).IsServer);

    [Fact]
    public void Port_OriginOfALaterError_IsItsLine() => Assert.Equal("host.toml:3", Port("protocol = \"org.qemu.clipboard\"").Origin);

    [Fact]
    public void Port_Limits_AreNumbersTextsAndTruths()
    {
        PortPlan plan = Port("""
            protocol = "org.example.x"
            char = "unix:/run/a.sock,server"
            clients = 4
            mode = "broadcast"
            rate = "1M"
            history = 65536
            readonly = true
            logfile = "a.log"
            logappend = true
            """);

        Assert.Equal(1 << 20, plan.Spec.Limits.BytesPerSecond);
        Assert.Equal(65536, plan.Spec.Limits.HistoryBytes);
        Assert.True(plan.Spec.LogFile is { Path: "a.log", Append: true });
        Assert.Equal(new ClientsSpec(4, ClientMode.Broadcast, AllMayWrite: false), Assert.IsType<ChardevSpec.Unix>(plan.Chardev).Clients);
    }

    [Fact]
    public void Ports_AsAList_AreRead()
        => Assert.Equal(2, ConfigText.Read("""
            vm.a = { vhost-user = "a.sock", port = [
              { protocol = "org.a", char = "null" },
              { options = "protocol=org.b,char=null" },
            ] }
            """).Vms[0].Ports.Count);

    [Fact]
    public void Console_False_IsNone() => Assert.Empty(ConfigText.Read("[vm.a]\nvhost-user = \"a\"\nconsole = false\n").Vms[0].Ports);

    [Fact]
    public async Task File_ThatIsNotThere_SaysSo()
    {
        ConfigException error = await Assert.ThrowsAsync<ConfigException>(
            () => ConfigFile.ReadAsync("/nowhere/at/all.toml", TestContext.Current.CancellationToken));

        Assert.Equal(["/nowhere/at/all.toml: there is no such file: give the path of a TOML file"], error.Errors);
    }

    private static PortPlan Port(string keys)
        => ConfigText.Read($"[vm.a]\nvhost-user = \"a.sock\"\n[[vm.a.port]]\n{keys}\n").Vms[0].Ports[0].Plan;
}
