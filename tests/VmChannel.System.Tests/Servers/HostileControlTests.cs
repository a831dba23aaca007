using System.Net.Sockets;
using System.Text;
using VmChannel.SystemTests.Rig;

namespace VmChannel.SystemTests.Servers;

/// <summary>What clients of the control API do wrong, while bytes flow.</summary>
[Collection<UmlTests>]
public sealed class HostileControlTests(UmlMachine machine) : GuestTests(machine)
{
    [Fact]
    public async Task Requests_ThatMakeNoSenseOrNeverEnd_DisturbNeitherTransferNorServer()
    {
        Pattern pattern = new("hostile", 6);
        using ChannelClient client = Machine.Connect(Machine.Held);
        Task<string> writer = Guest.RunAsync($"{pattern.GuestWriter} > {Machine.PathOf(Machine.Held)}", Patience.Long);
        long position = await pattern.CheckAsync(client.Stream, 0, pattern.Length / 3);
        int ports = await CountPortsAsync();
        List<Socket> open = [];
        try
        {
            // Each opens a connection of its own, and leaves it open.
            for (int turn = 0; turn < 50; turn++)
            {
                foreach (byte[] request in HostileRequests(turn))
                {
                    open.Add(Connect());
                    await SendSomeAsync(open[^1], request);
                }
            }

            Assert.Equal(pattern.Length, await pattern.CheckAsync(client.Stream, position));
            await writer;
            string answer = await Machine.Serve.GetAsync("/v1/vms");
            Assert.StartsWith("HTTP/1.1 200 ", answer, StringComparison.Ordinal);
        }
        finally
        {
            open.ForEach(socket => socket.Dispose());
        }

        Assert.Equal(ports, await CountPortsAsync());
        Assert.StartsWith("HTTP/1.1 400 ", await Machine.Serve.GetAsync("/v1/events?after=never"), StringComparison.Ordinal);
        Assert.StartsWith("HTTP/1.1 404 ", await Machine.Serve.GetAsync("/v1/vms/..%2f..%2fetc"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Verb_KilledInMidRequest_LeavesTheServerAsItWas()
    {
        for (int turn = 0; turn < 10; turn++)
        {
            await using HostProcess watch = HostProcess.Start(
                [Executables.VmChannel, "watch"], start => start.Environment["XDG_RUNTIME_DIR"] = Machine.Serve.Runtime);
            await using HostProcess plug = HostProcess.Start(
                [Executables.VmChannel, "plug", "protocol=test.killed,service=sink"], start => start.Environment["XDG_RUNTIME_DIR"] = Machine.Serve.Runtime);
            await Task.Delay(turn * 5, TestContext.Current.CancellationToken);
            plug.Signal(PosixSignalNumber.Kill);
            watch.Signal(PosixSignalNumber.Kill);
            _ = await plug.Ended;

            // Whether it got as far as plugging or not: the server answers, and the port can be had.
            (int _, string _, string errors) = await Machine.Serve.CommandAsync("plug", "protocol=test.killed,service=sink");
            Assert.True(errors.Length == 0 || errors.Contains("test.killed", StringComparison.Ordinal), errors);
            await UnplugAsync("test.killed");
        }
    }

    /// <remarks>By a call that waits: one that may not fails while as many wait already as the server lets (connect(2): EAGAIN).</remarks>
    private Socket Connect()
    {
        Socket socket = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        socket.Connect(new UnixDomainSocketEndPoint(Machine.Serve.ControlSocket));
        return socket;
    }

    private async Task<int> CountPortsAsync() => (await Machine.Serve.Control.GetPortsAsync("device")).Count;

    private static IEnumerable<byte[]> HostileRequests(int turn)
    {
        yield return Pattern.Block.Slice(turn * 4096, 4096).ToArray();
        yield return "GET /v1/vms HTTP/1.1\r\nHost: "u8.ToArray();
        yield return "POST /v1/vms/device/ports HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 60000\r\n\r\n{\"options\":\""u8.ToArray();
        yield return "POST /v1/vms/device/ports HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 99999999999\r\n\r\n"u8.ToArray();
        yield return Encoding.ASCII.GetBytes($"GET /v1/vms HTTP/1.1\r\nHost: x\r\nX: {new string('x', 40_000)}\r\n\r\n");
        yield return Encoding.ASCII.GetBytes($"GET /v1/vms/{new string('%', 5000)} HTTP/1.1\r\nHost: x\r\n\r\n");
        yield return "GET /v1/events?after=0 HTTP/1.1\r\nHost: x\r\n\r\n"u8.ToArray();
    }

    /// <summary>Sends it as far as the server takes it: it may refuse what makes no sense before the end.</summary>
    private static async Task SendSomeAsync(Socket socket, byte[] request)
    {
        try
        {
            _ = await socket.SendAsync(request).WaitAsync(Patience.Short);
        }
        catch (SocketException)
        {
            // It hung up.
        }
    }
}

/// <summary>Servers that died, and their successors.</summary>
public sealed class ServerRestartTests : IDisposable
{
    private readonly TestFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task Serve_AfterItsPredecessorWasKilled_TakesOverTheControlSocket()
    {
        string[] arguments = ["serve", "--vhost-user", _folder.File("vm.sock"), "-virtioserial", "port=1,protocol=a.b,service=echo"];
        await using HostProcess first = Start(arguments);
        await UntilAnsweredAsync(first.Id);
        first.Signal(PosixSignalNumber.Kill);
        _ = await first.Ended;
        Assert.True(Path.Exists(Path.Combine(_folder.Root, "vmchannel", "vm.sock")), "a killed server leaves its socket");
        await using HostProcess second = Start(arguments);
        await UntilAnsweredAsync(second.Id);
        second.Signal(PosixSignalNumber.Terminate);
        Assert.Equal(0, await second.Ended.WaitAsync(Patience.Short, TestContext.Current.CancellationToken));
    }

    private HostProcess Start(params string[] arguments) =>
        HostProcess.Start([Executables.VmChannel, .. arguments], start => start.Environment["XDG_RUNTIME_DIR"] = _folder.Root);

    private Task UntilAnsweredAsync(int process) => Patience.UntilAsync(
        () => AnswerAsync().Result == process, () => $"process {process} never answered on the control socket");

    private async Task<int> AnswerAsync()
    {
        try
        {
            using Control.ControlClient control = new(Control.ControlAddress.Unix(Path.Combine(_folder.Root, "vmchannel", "vm.sock")));
            return (await control.GetServerAsync()).Pid;
        }
        catch (Control.ControlException)
        {
            return 0; // not yet
        }
    }
}
