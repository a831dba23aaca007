using System.Net.Sockets;
using System.Text;
using VmChannel.Control;

namespace VmChannel.SystemTests.Rig;

/// <summary>The published <c>vmchannel serve</c>, ready for a front-end.</summary>
internal sealed class ServeProcess : IAsyncDisposable
{
    private ServeProcess(HostProcess process, string socket, string runtime, int maxPorts)
    {
        Process = process;
        Runtime = runtime;
        Socket = socket;
        MaxPorts = maxPorts;
        Control = new(ControlAddress.Unix(ControlSocket));
    }

    public HostProcess Process { get; }

    /// <summary>Where the front-end connects.</summary>
    public string Socket { get; }

    /// <summary>Its <c>$XDG_RUNTIME_DIR</c>, where its control socket is: a place of its own, so that tests run side by side.</summary>
    public string Runtime { get; }

    public int MaxPorts { get; }

    /// <summary>Where its control API is, unless its configuration says otherwise.</summary>
    public string ControlSocket => Path.Combine(Runtime, "vmchannel", "device.sock");

    public ControlClient Control { get; }

    /// <summary>One line per event.</summary>
    public Lines Log => Process.Errors;

    /// <summary>Starts it and waits until it says that it is ready, as it does to systemd.</summary>
    /// <param name="folder">Gets its socket, device.sock.</param>
    /// <param name="options">More options of serve.</param>
    public static Task<ServeProcess> StartAsync(TestFolder folder, params string[] options) => StartAsync(folder, new ServeStreams(), options);

    /// <param name="folder">Gets its socket, device.sock.</param>
    /// <param name="streams">Where its standard streams and inherited descriptors come from.</param>
    /// <param name="options">More options of serve.</param>
    public static Task<ServeProcess> StartAsync(TestFolder folder, ServeStreams streams, params string[] options)
    {
        int limit = Array.IndexOf(options, "--max-ports");
        return StartAsync(
            folder, streams, ["--vhost-user", folder.File("device.sock"), .. options],
            limit < 0 ? 31 : int.Parse(options[limit + 1], System.Globalization.CultureInfo.InvariantCulture));
    }

    /// <summary>Starts it for a guest that has USB adapters only, each with a socket in the folder.</summary>
    public static Task<ServeProcess> StartUsbAsync(TestFolder folder, params string[] options)
        => StartAsync(folder, new ServeStreams(), ["--name", "device", "--usbredir-dir", folder.Root, .. options], 31);

    /// <summary>Starts it for USB adapters that are met somewhere else.</summary>
    /// <param name="folder">For what it needs.</param>
    /// <param name="option"><c>--usbredir</c> or <c>--usbredir-connect</c>.</param>
    /// <param name="place">Its value.</param>
    /// <param name="options">More options of serve.</param>
    public static Task<ServeProcess> StartUsbAtAsync(TestFolder folder, string option, string place, params string[] options)
        => StartAsync(folder, new ServeStreams(), ["--name", "device", option, place, .. options], 31);

    /// <summary>Starts it for a QEMU that runs, or is going to.</summary>
    /// <param name="folder">For what it needs.</param>
    /// <param name="monitor">QEMU's monitor.</param>
    /// <param name="options">More options of serve.</param>
    public static Task<ServeProcess> StartQmpAsync(TestFolder folder, string monitor, params string[] options)
        => StartAsync(folder, new ServeStreams(), ["--qmp", monitor, "--name", "device", .. options], 31);

    /// <summary>Starts it for ports that a VMM has already.</summary>
    public static Task<ServeProcess> StartSocketsAsync(TestFolder folder, params string[] options)
        => StartAsync(folder, new ServeStreams(), ["--name", "device", .. options], 31);

    /// <summary>Starts it for guests that import USB adapters over USB/IP; its log says at which port of the loopback.</summary>
    public static Task<ServeProcess> StartUsbIpAsync(TestFolder folder, params string[] options)
        => StartAsync(folder, new ServeStreams(), ["--name", "device", "--usbip", "127.0.0.1:0", .. options], 31);

    /// <summary>Starts it with a configuration file, one of whose VMs has the socket device.sock and the usual room.</summary>
    public static Task<ServeProcess> StartFileAsync(TestFolder folder, string path) => StartAsync(folder, new ServeStreams(), ["--config", path], 31);

    /// <summary>What serve's sister command prints for this device, as words of a command line.</summary>
    public async Task<string[]> ArgumentsForAsync(string monitor)
    {
        await using HostProcess args = await HostProcess.RunAsync(
            Executables.VmChannel, "args", monitor, "--vhost-user", Socket, "--max-ports", $"{MaxPorts}", "-virtioserial", "protocol=org.example,service=sink");
        Assert.Equal(0, await args.Ended);
        return args.Output.ToString().Replace('\\', ' ').Split((char[])[' ', '\n'], StringSplitOptions.RemoveEmptyEntries);
    }

    /// <summary>Runs a command that talks to it, such as <c>ports</c>.</summary>
    /// <returns>Its exit code, and what it said.</returns>
    public async Task<(int Code, string Output, string Errors)> CommandAsync(params string[] words)
    {
        await using HostProcess command = HostProcess.Start(
            [Executables.VmChannel, .. words], start => start.Environment["XDG_RUNTIME_DIR"] = Runtime, null, keepsOutput: true);
        int code = await command.Ended.WaitAsync(Patience.Short);
        return (code, command.Output.ToString(), command.Errors.ToString());
    }

    /// <summary>Asks its control API for something, byte for byte, in HTTP/1.0: answers come in one piece.</summary>
    /// <param name="path">As it is to stand in the request.</param>
    /// <returns>The whole answer, headers included.</returns>
    public async Task<string> GetAsync(string path)
    {
        using ChannelClient client = ChannelClient.Connect(ControlSocket);
        await client.SendAsync($"GET {path} HTTP/1.0\r\nHost: localhost\r\n\r\n");
        using StreamReader reader = new(client.Stream);
        return await reader.ReadToEndAsync().WaitAsync(Patience.Short);
    }

    /// <summary>Asks it to stop.</summary>
    /// <returns>Its exit code.</returns>
    public async Task<int> StopAsync()
    {
        Process.Signal(PosixSignalNumber.Terminate);
        return await Process.Ended.WaitAsync(Patience.Short);
    }

    /// <summary>Ends it. A test that fails shows what it said.</summary>
    public async ValueTask DisposeAsync()
    {
        TestContext.Current.TestOutputHelper?.WriteLine($"--- serve ---\n{Log}");
        Control.Dispose();
        await Process.DisposeAsync();
        Directory.Delete(Runtime, recursive: true);
    }

    private static async Task<ServeProcess> StartAsync(TestFolder folder, ServeStreams streams, string[] arguments, int maxPorts)
    {
        string notify = folder.File("notify.sock");
        File.Delete(notify);
        using Socket listener = new(AddressFamily.Unix, SocketType.Dgram, ProtocolType.Unspecified);
        listener.Bind(new UnixDomainSocketEndPoint(notify));

        string[] redirections = streams.Redirections is null ? [] : ["bash", "-c", $"exec \"$@\" {streams.Redirections}", "bash"];
        string[] command = [.. redirections, Executables.VmChannel, "serve", .. arguments];
        string runtime = Directory.CreateTempSubdirectory("vmt").FullName;
        HostProcess process = HostProcess.Start(
            command,
            start =>
            {
                start.Environment["NOTIFY_SOCKET"] = notify;
                start.Environment["XDG_RUNTIME_DIR"] = runtime;
            },
            streams.Terminal,
            keepsOutput: !streams.OutputIsAChannel);
        byte[] state = new byte[256];
        Task<int> ready = listener.ReceiveAsync(state, SocketFlags.None);
        if (await Task.WhenAny(ready, process.Ended).WaitAsync(Patience.Short) != ready)
        {
            throw new InvalidOperationException($"serve ended with {await process.Ended}:\n{process.Errors}");
        }

        Assert.Equal("READY=1", Encoding.UTF8.GetString(state, 0, await ready).Split('\n')[0]);
        File.Delete(notify);
        return new(process, folder.File("device.sock"), runtime, maxPorts);
    }
}
