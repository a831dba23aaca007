using System.Net.Sockets;
using System.Text;
using VmChannel.SystemTests.Rig;

namespace VmChannel.SystemTests.Servers;

public sealed class ServeCommandTests : IDisposable
{
    private const int Failure = 1;
    private const int Usage = 2;

    private readonly string _folder = Directory.CreateTempSubdirectory("vmch").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Theory]
    [InlineData(Usage, "--vhost-user PATH", "serve", "-virtioserial", "protocol=a.b,char=null")]
    [InlineData(Usage, "no channel", "serve", "--vhost-user", "vm")]
    [InlineData(Usage, "did you mean protocol?", "serve", "--vhost-user", "vm", "-virtioserial", "protcol=a.b,char=null")]
    [InlineData(Usage, "did you mean server?", "serve", "--vhost-user", "vm", "-virtioserial", "protocol=a.b,char=unix:a,servr")]
    [InlineData(Usage, "the name a.b is taken", "serve", "--vhost-user", "vm", "-virtioserial", "protocol=a.b,char=unix:a,server", "-virtioserial", "protocol=a.b,char=unix:b,server")]
    [InlineData(Usage, "port 3 is taken", "serve", "--vhost-user", "vm", "-virtioserial", "port=3,protocol=a.b,char=null", "-virtioserial", "nr=3,name=a.c,char=null")]
    [InlineData(Usage, "a file and a folder", "serve", "--vhost-user", "vm", "-virtioserial", "protocol=org.qemu,char=null", "-virtioserial", "protocol=org.qemu.clipboard")]
    [InlineData(Usage, "port 0 is the console's", "serve", "--vhost-user", "vm", "-virtioserial", "port=0,protocol=a.b,char=null")]
    [InlineData(Usage, "beyond the limit: --max-ports 31", "serve", "--vhost-user", "vm", "-virtioserial", "port=31,protocol=a.b,char=null")]
    [InlineData(Usage, "beyond the limit: --max-ports 4", "serve", "--vhost-user", "vm", "--max-ports", "4", "-virtioserial", "port=4,protocol=a.b,char=null")]
    [InlineData(Usage, "from 0 to 1000", "serve", "--vhost-user", "vm", "--poll-us", "1001", "-virtconsole")]
    [InlineData(Usage, "say auto, or a number", "serve", "--vhost-user", "vm", "--loops", "0", "-virtconsole")]
    [InlineData(Usage, "--config and --poll-us exclude each other", "serve", "--config", "a.toml", "--poll-us", "5")]
    [InlineData(Usage, "give it to vmchannel serve", "run", "--vm", "a", "--poll-us", "5")]
    [InlineData(Usage, "from 1 to 127", "serve", "--vhost-user", "vm", "--max-ports", "128", "-virtconsole")]
    [InlineData(Usage, "write unix:PATH", "serve", "--vhost-user", "vm", "-virtioserial", "protocol=a.b,char=unix:")]
    [InlineData(Usage, "not built in (built in: org.qemu.clipboard, com.redhat.spice.0)", "serve", "--vhost-user", "vm", "-virtioserial", "protocol=a.b")]
    [InlineData(Usage, "exclude each other", "serve", "--vhost-user", "vm", "--fd", "3", "-virtconsole", "char=null")]
    [InlineData(Usage, "--usbip-open", "serve", "--usbip", "0.0.0.0:3240", "-usbserial", "protocol=a.b,char=null")]
    [InlineData(Usage, "127.0.0.1:3240", "serve", "--usbip", "vm", "-usbserial", "protocol=a.b,char=null")]
    [InlineData(Usage, "give both", "serve", "--usbip-open", "-usbserial", "protocol=a.b,char=null")]
    [InlineData(Usage, "exclude each other", "serve", "--usbip", "127.0.0.1", "--usbredir", "vm", "-usbserial", "protocol=a.b,char=null")]
    [InlineData(Failure, "--usbip 192.0.2.1:3240: cannot listen", "serve", "--usbip", "192.0.2.1", "--usbip-open", "-usbserial", "protocol=a.b,char=null")]
    [InlineData(Usage, "'--frobnicate'", "serve", "--frobnicate")]
    [InlineData(Usage, "did you mean qemu?", "args", "qemo", "--vhost-user", "vm")]
    [InlineData(Usage, "UML carries at most 31 ports", "args", "uml", "--vhost-user", "vm", "--max-ports", "32")]
    [InlineData(Usage, "args usbip", "args", "qemu", "--usbip", "127.0.0.1", "-usbserial", "protocol=a.b,char=null")]
    [InlineData(Usage, "give a port", "args", "usbip", "--usbip", "127.0.0.1:0", "-usbserial", "protocol=a.b,char=null")]
    [InlineData(Usage, "with -usbserial", "args", "usbip", "--usbip", "127.0.0.1", "-virtioserial", "protocol=a.b,char=null")]
    [InlineData(Usage, "say virtio or usb", "run", "--transport", "serial")]
    [InlineData(Usage, "UML has no USB", "run", "--transport", "usb", "--vmm", "uml")]
    [InlineData(Usage, "with -usbserial", "run", "--transport", "usb", "-virtioserial", "protocol=a.b,char=null")]
    [InlineData(Usage, "add --transport usb", "run", "-usbserial", "protocol=a.b,char=null")]
    [InlineData(Usage, "plug others in with vmchannel plug", "run", "--transport", "usb", "--vm", "vm1", "-usbserial", "protocol=a.b,char=null")]
    [InlineData(Failure, "there is no such socket", "serve", "--vhost-user", "vm", "-virtioserial", "protocol=a.b,char=unix:a,server", "-virtioserial", "protocol=a.c,char=unix:absent")]
    [InlineData(Failure, "create its folder", "serve", "--vhost-user", "vm", "-virtioserial", "protocol=a.b,char=unix:none/a,server")]
    [InlineData(Failure, "--vhost-user none/vm", "serve", "--vhost-user", "none/vm", "-virtioserial", "protocol=a.b,char=unix:a,server")]
    public async Task BadInput_OneClearLine_NothingIsLeftBehind(int code, string expected, params string[] arguments)
    {
        using VmChannelProcess process = new(_folder, arguments);
        (int exitCode, string output, string error) = await process.EndAsync();
        Assert.Equal(code, exitCode);
        Assert.Equal("", output);
        string line = Assert.Single(error.TrimEnd('\n').Split('\n'));
        Assert.StartsWith("vmchannel: ", line, StringComparison.Ordinal);
        Assert.Contains(expected, line, StringComparison.Ordinal);
        Assert.Equal(code == Usage, line.EndsWith($"(see vmchannel {arguments[0]} --help)", StringComparison.Ordinal));
        Assert.Empty(Directory.EnumerateFileSystemEntries(_folder));
    }

    [Fact]
    public async Task Serve_Terminated_RemovesWhatItMade()
    {
        using VmChannelProcess process = new(
            _folder,
            ["serve", "--vhost-user", "vm", "-virtioserial", "protocol=a.b,char=unix:a,server", "--virtioserial", "protocol=a.c,char=pty,path=tty"]);
        await process.ReadyAsync();
        Assert.True(Path.Exists(Path.Combine(_folder, "a")));
        Assert.True(Path.Exists(Path.Combine(_folder, "tty")));
        process.Terminate();
        (int code, string output, string error) = await process.EndAsync();
        Assert.Equal(0, code);
        Assert.Contains($"virtio_uml.device={_folder}/vm:3\n", output, StringComparison.Ordinal);
        Assert.Contains("num_vqs=64,config_size=12,vq_size=256", output, StringComparison.Ordinal);
        Assert.Contains("/dev/pts/", error, StringComparison.Ordinal);
        Assert.Empty(Directory.EnumerateFileSystemEntries(_folder));
    }

    [Fact]
    public async Task Args_ForUsbIp_AreTheGuestsCommands()
    {
        using VmChannelProcess process = new(
            _folder, ["args", "usbip", "--usbip", "127.0.0.1:3241", "-usbserial", "port=7,protocol=a.b,char=null", "-usbserial", "protocol=a.c,char=null"]);
        (int code, string output, _) = await process.EndAsync();
        Assert.Equal(0, code);
        Assert.Contains("usbip --tcp-port 3241 attach --remote ADDRESS --busid 1-7 # a.b\n", output, StringComparison.Ordinal);
        Assert.Contains("usbip --tcp-port 3241 attach --remote ADDRESS --busid 1-1 # a.c\n", output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Serve_SocketInUse_IsRefusedAndTheFirstGoesOn()
    {
        using VmChannelProcess first = new(_folder, ["serve", "--vhost-user", "vm", "-virtioserial", "protocol=a.b,char=null"]);
        await first.ReadyAsync();
        using VmChannelProcess second = new(_folder, ["serve", "--vhost-user", "vm", "-virtioserial", "protocol=a.b,char=unix:a,server"]);
        (int code, string output, string error) = await second.EndAsync();
        Assert.Equal(Failure, code);
        Assert.Equal("", output);
        Assert.Contains("is in use", Assert.Single(error.TrimEnd('\n').Split('\n')), StringComparison.Ordinal);
        Assert.Equal(["vm"], Directory.EnumerateFileSystemEntries(_folder).Select(Path.GetFileName));
        Assert.False(first.HasExited);
    }

    [Fact]
    public async Task Serve_KilledBefore_TakesOverItsSocketFiles()
    {
        string[] arguments = ["serve", "--vhost-user", "vm", "-virtioserial", "protocol=a.b,char=unix:a,server"];
        using (VmChannelProcess first = new(_folder, arguments))
        {
            await first.ReadyAsync();
        }

        using VmChannelProcess second = new(_folder, arguments, ("NOTIFY_SOCKET", Path.Combine(_folder, "notify")));
        (await ConnectAsync("vm")).Dispose();
        second.Terminate();
        Assert.Equal(0, (await second.EndAsync()).Code);
    }

    [Fact]
    public async Task Serve_UnderAServiceManager_TellsWhenItIsReadyAndWhenItStops()
    {
        using Socket manager = new(AddressFamily.Unix, SocketType.Dgram, ProtocolType.Unspecified);
        manager.Bind(new UnixDomainSocketEndPoint(Path.Combine(_folder, "notify")));
        using VmChannelProcess process = new(
            _folder, ["serve", "--vhost-user", "vm", "-virtioserial", "protocol=a.b,char=null"], ("NOTIFY_SOCKET", Path.Combine(_folder, "notify")));
        Assert.Equal("READY=1", await ReceiveAsync(manager));
        Assert.True(Path.Exists(Path.Combine(_folder, "vm")));
        process.Terminate();
        Assert.Equal("STOPPING=1", await ReceiveAsync(manager));
        Assert.Equal(0, (await process.EndAsync()).Code);
    }

    [Fact]
    public async Task Serve_Wait_OffersTheDeviceAfterTheFirstClient()
    {
        using VmChannelProcess process = new(_folder, ["serve", "--vhost-user", "vm", "-virtioserial", "protocol=a.b,char=unix:a,server,wait"]);
        await WaitForFileAsync("a");
        using Socket frontEnd = await ConnectAsync("vm");
        byte[] getFeatures = [1, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0];
        _ = await frontEnd.SendAsync(getFeatures, TestContext.Current.CancellationToken);
        Task<int> answer = frontEnd.ReceiveAsync(new byte[64], TestContext.Current.CancellationToken).AsTask();
        await Task.Delay(300, TestContext.Current.CancellationToken);
        Assert.False(answer.IsCompleted, "the device was offered before the client was there");
        using Socket client = await ConnectAsync("a");
        Assert.Equal(20, await answer);
        process.Terminate();
        Assert.Equal(0, (await process.EndAsync()).Code);
    }

    [Fact]
    public async Task Serve_WaitTerminated_LeavesNothing()
    {
        using VmChannelProcess process = new(_folder, ["serve", "--vhost-user", "vm", "-virtioserial", "protocol=a.b,char=unix:a,server,wait"]);
        await WaitForFileAsync("a");
        process.Terminate();
        Assert.Equal(0, (await process.EndAsync()).Code);
        Assert.Empty(Directory.EnumerateFileSystemEntries(_folder));
    }

    [Fact]
    public async Task Serve_PrintCapabilities_IsJsonForManagers()
    {
        using VmChannelProcess process = new(_folder, ["serve", "--print-capabilities"]);
        (int code, string output, string error) = await process.EndAsync();
        Assert.Equal(0, code);
        Assert.Equal("", error);
        using global::System.Text.Json.JsonDocument document = global::System.Text.Json.JsonDocument.Parse(output);
        Assert.Equal("console", document.RootElement.GetProperty("type").GetString());
    }

    [Theory]
    [InlineData("qemu", "-device vhost-user-test-device-pci,chardev=vmchannel,virtio-id=3,num_vqs=20,config_size=12,vq_size=256")]
    [InlineData("uml", "virtio_uml.device=/run/vm:3")]
    [InlineData("crosvm", "--vhost-user type=console,socket=/run/vm,max-queue-size=256")]
    [InlineData("libkrun", "krun_add_vhost_user_device(ctx_id, 3, \"/run/vm\", \"vmchannel\", 20, NULL);")]
    public async Task Args_EveryFrontEnd_IsReadyToPaste(string vmm, string expected)
    {
        using VmChannelProcess process = new(_folder, ["args", vmm, "--vhost-user", "/run/vm", "--max-ports", "9"]);
        (int code, string output, _) = await process.EndAsync();
        Assert.Equal(0, code);
        Assert.Contains(expected, output, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("serve")]
    [InlineData("args")]
    public async Task Help_OfACommand_IsItsPage(string command)
    {
        using VmChannelProcess process = new(_folder, [command, "--help"]);
        (int code, string output, string error) = await process.EndAsync();
        Assert.Equal(0, code);
        Assert.Equal("", error);
        Assert.StartsWith($"vmchannel {command} - ", output, StringComparison.Ordinal);
        Assert.Contains("Examples:", output, StringComparison.Ordinal);
        Assert.All(output.Split('\n'), line => Assert.InRange(line.Length, 0, 120));
    }

    private static async Task<string> ReceiveAsync(Socket socket)
    {
        byte[] buffer = new byte[100];
        int count = await socket.ReceiveAsync(buffer, TestContext.Current.CancellationToken);
        return Encoding.UTF8.GetString(buffer, 0, count);
    }

    private Task WaitForFileAsync(string name) => Patience.UntilAsync(() => Path.Exists(Path.Combine(_folder, name)), () => $"there never was a {name}");

    /// <summary>Connects as soon as somebody listens.</summary>
    private async Task<Socket> ConnectAsync(string name)
    {
        Socket? socket = null;
        await Patience.UntilAsync(() => (socket = TryConnect(name)) is not null, () => $"nobody listens at {name}");
        return socket!;
    }

    private Socket? TryConnect(string name)
    {
        Socket client = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            client.Connect(new UnixDomainSocketEndPoint(Path.Combine(_folder, name)));
            return client;
        }
        catch (SocketException)
        {
            client.Dispose();
            return null;
        }
    }
}
