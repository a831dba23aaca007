using System.Globalization;
using System.Net.Sockets;
using System.Text;
using VmChannel.Native;
using VmChannel.SystemTests.Rig;

namespace VmChannel.SystemTests.Servers;

/// <summary><c>serve --config</c> with the real executable.</summary>
public sealed class ConfigFileTests : IDisposable
{
    private const int Failure = 1;
    private const int Usage = 2;

    private const string OneVm = """
        control = "none"
        [vm.one]
        vhost-user = "one.sock"
        [[vm.one.port]]
        protocol = "org.example.a"
        char = "unix:a.sock,server"

        """;

    private readonly TestFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task Check_ExampleOfTheRepository_IsGood()
    {
        using VmChannelProcess process = new(_folder.Root, ["serve", "--check", "--config", Path.Combine(Executables.Repository, "examples", "two-vms.toml")]);
        (int code, string output, string error) = await process.EndAsync();

        Assert.Equal((0, ""), (code, error));
        Assert.EndsWith(": good; VMs: 2, ports: 5\n", output, StringComparison.Ordinal);
        Assert.Empty(_folder.Names());
    }

    [Theory]
    [InlineData("--config", "host.toml")]
    [InlineData("--config", "host.toml", "--check")]
    public async Task Serve_FileWithErrors_PrintsAllWithTheirLines(params string[] options)
    {
        await WriteAsync("[vm.one]\nvhost-usr = \"one.sock\"\nmax-ports = 0\n[[vm.one.port]]\nprotocl = \"org.example.a\"\n");
        using VmChannelProcess process = new(_folder.Root, ["serve", .. options]);
        (int code, string output, string error) = await process.EndAsync();

        Assert.Equal((Usage, ""), (code, output));
        Assert.Equal(
            ["host.toml:1", "host.toml:2", "host.toml:3", "host.toml:4", "host.toml:5"],
            error.TrimEnd('\n').Split('\n').Select(line => string.Join(':', line.Split(':')[..2])));
        Assert.Equal(["host.toml"], _folder.Names());
    }

    [Theory]
    [InlineData("--config and --vhost-user exclude each other", "--config", "host.toml", "--vhost-user", "x")]
    [InlineData("--config and -virtioserial exclude each other", "-virtioserial", "protocol=a.b,char=null", "--config", "host.toml")]
    [InlineData("--config and --in-band-notifications exclude each other", "--in-band-notifications", "--config", "host.toml")]
    [InlineData("add --config FILE", "--check")]
    public async Task Serve_OptionsThatContradictAFile_AreRefused(string expected, params string[] options)
    {
        using VmChannelProcess process = new(_folder.Root, ["serve", .. options]);
        (int code, _, string error) = await process.EndAsync();

        Assert.Equal(Usage, code);
        Assert.Contains(expected, error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task HangUp_ChangedAndThenBrokenFile_IsFollowedAndThenRefused()
    {
        await WriteAsync(OneVm);
        using Manager manager = new(_folder.File("notify"));
        using VmChannelProcess process = new(_folder.Root, ["serve", "--config", "host.toml"], ("NOTIFY_SOCKET", manager.Path));
        Assert.Equal("READY=1\nSTATUS=serving VMs: 1, ports: 1", await manager.NextAsync());

        await WriteAsync(OneVm.Replace("org.example.a", "org.example.b", StringComparison.Ordinal) + "[vm.two]\nvhost-user = \"two.sock\"\n");
        process.HangUp();
        string reloading = await manager.NextAsync();
        Assert.StartsWith("RELOADING=1\nMONOTONIC_USEC=", reloading, StringComparison.Ordinal);
        Assert.InRange(
            long.Parse(reloading.Split('=')[^1], CultureInfo.InvariantCulture), Environment.TickCount64 / 2 * 1000, (Environment.TickCount64 + 1000) * 1000);
        Assert.Equal("READY=1\nSTATUS=serving VMs: 2, ports: 1", await manager.NextAsync());
        Assert.Equal(["a.sock", "host.toml", "notify", "one.sock", "two.sock"], _folder.Names());

        await WriteAsync("vm = 1");
        process.HangUp();
        Assert.StartsWith("RELOADING=1\n", await manager.NextAsync(), StringComparison.Ordinal);
        Assert.StartsWith("READY=1\nSTATUS=serving VMs: 2, ports: 1; reload refused: host.toml:1: vm is", await manager.NextAsync(), StringComparison.Ordinal);

        await WriteAsync(OneVm);
        process.HangUp();
        Assert.StartsWith("RELOADING=1\n", await manager.NextAsync(), StringComparison.Ordinal);
        Assert.Equal("READY=1\nSTATUS=serving VMs: 1, ports: 1", await manager.NextAsync());
        process.Terminate();
        Assert.Equal("STOPPING=1", await manager.NextAsync());
        (int code, string output, string error) = await process.EndAsync();
        Assert.Equal(0, code);
        Assert.Contains($"virtio_uml.device={_folder.Root}/one.sock:3\n", output, StringComparison.Ordinal);
        Assert.Contains("host.toml read again: added one port 1 (org.example.b), two; removed one port 1 (org.example.a); changed nothing", error, StringComparison.Ordinal);
        Assert.Contains("host.toml has errors (1): nothing was changed", error, StringComparison.Ordinal);
        Assert.Equal(["host.toml", "notify"], _folder.Names());
    }

    [Fact]
    public async Task Reload_ByTheVerb_SaysWhatItDidOrWhatIsWrong()
    {
        string twoVms = OneVm.Replace("\"none\"", "\"control.sock\"", StringComparison.Ordinal) + "[vm.two]\nvhost-user = \"two.sock\"\n";
        await WriteAsync(twoVms);
        using Manager manager = new(_folder.File("notify"));
        using VmChannelProcess serve = new(_folder.Root, ["serve", "--config", "host.toml"], ("NOTIFY_SOCKET", manager.Path));
        Assert.StartsWith("READY=1\n", await manager.NextAsync(), StringComparison.Ordinal);

        await WriteAsync(twoVms + "[[vm.two.port]]\nprotocol = \"org.example.b\"\nservice = \"echo\"\n");
        using VmChannelProcess changes = new(_folder.Root, ["reload", "--control", "control.sock"]);
        Assert.Equal((0, "added    two port 1 (org.example.b)\n1 ports unchanged\n", ""), await changes.EndAsync());

        await WriteAsync(twoVms.Replace("vhost-user", "vhost-usr", StringComparison.Ordinal));
        using VmChannelProcess refused = new(_folder.Root, ["reload", "two", "--control", "control.sock"]);
        (int code, string output, string error) = await refused.EndAsync();
        Assert.Equal((Failure, ""), (code, output));
        Assert.Contains("host.toml:3: unknown key vhost-usr in [vm.one]: did you mean vhost-user?", error, StringComparison.Ordinal);
        Assert.EndsWith("\nvmchannel: the configuration makes no sense; nothing was changed\n", error, StringComparison.Ordinal);

        serve.Terminate();
        Assert.Equal(0, (await serve.EndAsync()).Code);
    }

    [Fact]
    public async Task Activation_SocketOfAServiceManager_IsServedAndLeft()
    {
        await WriteAsync("control = \"none\"\n[vm.one]\nvhost-user = \"systemd:web\"\n[[vm.one.port]]\nprotocol = \"org.example.a\"\nchar = \"null\"\n");
        using Manager manager = new(_folder.File("notify"));
        using UnixListener listener = Listen(_folder.File("web.sock"));

        // Whoever connects before the service is up waits, and is served.
        using ChannelClient early = ChannelClient.Connect(_folder.File("web.sock"));
        await using HostProcess serve = Activate(listener, manager, "$$", "serve", "--config", _folder.File("host.toml"));
        Assert.StartsWith("READY=1\n", await manager.NextAsync(), StringComparison.Ordinal);
        byte[] getFeatures = [1, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0];
        await early.Stream.WriteAsync(getFeatures, TestContext.Current.CancellationToken);
        byte[] answer = new byte[20];
        await early.Stream.ReadExactlyAsync(answer, TestContext.Current.CancellationToken);

        serve.Signal(PosixSignalNumber.Terminate);
        Assert.Equal(0, await serve.Ended.WaitAsync(Patience.Short, TestContext.Current.CancellationToken));
        Assert.True(Path.Exists(_folder.File("web.sock")));
    }

    [Theory]
    [InlineData("1", "systemd:web: systemd handed over no socket: start the .socket unit")]
    [InlineData("$$", "systemd:db: systemd handed over no socket of this name, but web: set FileDescriptorName=db")]
    public async Task Activation_WithoutTheSocket_SaysWhatIsMissing(string pid, string expected)
    {
        using Manager manager = new(_folder.File("notify"));
        using UnixListener listener = Listen(_folder.File("web.sock"));
        string name = pid == "1" ? "web" : "db";
        await using HostProcess serve = Activate(
            listener, manager, pid, "serve", "--vhost-user", $"systemd:{name}", "--control", "none", "-virtioserial", "protocol=org.example.a,char=null");

        Assert.Equal(Failure, await serve.Ended.WaitAsync(Patience.Short, TestContext.Current.CancellationToken));
        Assert.Contains(expected, serve.Errors.ToString(), StringComparison.Ordinal);
    }

    private static UnixListener Listen(string path)
    {
        Assert.True(UnixAddress.TryCreate(path, isAbstract: false, isTight: true, out UnixAddress? address, out _));
        return UnixListener.TryOpen(address, 4, out _)!;
    }

    /// <summary>Starts vmchannel as systemd does: the socket is descriptor 3, and the environment says so.</summary>
    private static HostProcess Activate(UnixListener listener, Manager manager, string pid, params string[] arguments)
    {
        _ = listener.Socket.SetCloseOnExec(false).OrThrow("hand over a socket");
        string script = $"exec 3<&{listener.Socket.Number}; export LISTEN_PID={pid} LISTEN_FDS=1 LISTEN_FDNAMES=web; exec \"$@\"";
        return HostProcess.Start(
            ["bash", "-c", script, "bash", Executables.VmChannel, .. arguments], start => start.Environment["NOTIFY_SOCKET"] = manager.Path);
    }

    private Task WriteAsync(string text) => File.WriteAllTextAsync(_folder.File("host.toml"), text, TestContext.Current.CancellationToken);

    /// <summary>The service manager's side of sd_notify(3).</summary>
    private sealed class Manager : IDisposable
    {
        private readonly Socket _socket = new(AddressFamily.Unix, SocketType.Dgram, ProtocolType.Unspecified);

        public Manager(string path)
        {
            Path = path;
            _socket.Bind(new UnixDomainSocketEndPoint(path));
        }

        public string Path { get; }

        public async Task<string> NextAsync()
        {
            byte[] buffer = new byte[4096];
            int count = await _socket.ReceiveAsync(buffer, TestContext.Current.CancellationToken).AsTask().WaitAsync(Patience.Short);
            return Encoding.UTF8.GetString(buffer, 0, count);
        }

        public void Dispose() => _socket.Dispose();
    }
}
