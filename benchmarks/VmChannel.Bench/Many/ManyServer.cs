using System.Globalization;
using System.Text;
using VmChannel.Bench.Alone;
using VmChannel.Cli.Run;
using VmChannel.Native;

namespace VmChannel.Bench.Many;

/// <summary>One <c>vmchannel serve</c> with many devices of 8 ports, and a driver double for each that has all ports open.</summary>
/// <remarks>
/// Every port has a listening unix socket, every ring a kick and a call. That is 45 descriptors per device. Lean devices, for machines that
/// do not allow as many, have 19: no calls, and <c>service=echo</c> at the host end. Those that are busy always have all.
/// </remarks>
internal sealed class ManyServer : IAsyncDisposable
{
    public const int Ports = 8;
    public const int DescriptorsPerDevice = 45;

    private static readonly int[] AllPorts = [.. Enumerable.Range(1, Ports)];
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    private readonly VmmProcess _server;
    private readonly List<GuestDriver> _drivers = [];
    private readonly List<BusyDevice> _busy = [];

    private ManyServer(VmmProcess server) => _server = server;

    /// <summary>Some of the devices: one in a hundred, at least one.</summary>
    public IReadOnlyList<BusyDevice> Busy => _busy;

    public int ProcessId => _server.Id;

    /// <param name="program">The executable.</param>
    /// <param name="folder">A private folder for the sockets.</param>
    /// <param name="devices">How many.</param>
    /// <param name="isLean">Idle devices are lean.</param>
    public static async Task<ManyServer> StartAsync(string program, string folder, int devices, bool isLean)
    {
        _ = Directory.CreateDirectory(folder);
        int busy = Math.Max(1, devices / 100);
        string config = Path.Combine(folder, "many.toml");
        await File.WriteAllTextAsync(config, Describe(folder, devices, busy, isLean));
        UnixListener[] listeners = [.. Enumerable.Range(0, devices).Select(device => Listen(folder, device))];
        VmmProcess process = await VmmProcess.StartAsync([program, "serve", "--quiet", "--config", config], new Dictionary<string, string>());
        ManyServer server = new(process);
        try
        {
            for (int device = 0; device < devices; device++)
            {
                bool isBusy = device < busy;
                GuestDriver driver = new(Accept(listeners[device]), isBusy || !isLean ? DriverShape.Small : DriverShape.Uncalled, AllPorts);
                server._drivers.Add(driver);
                if (isBusy)
                {
                    server._busy.Add(new(driver, HostPeer.Connect(HostPath(folder, device, BusyDevice.Port))));
                }
            }

            return server;
        }
        catch (Exception error) when (error is BenchException or IOException)
        {
            await server.DisposeAsync();
            throw new BenchException($"{error.Message}; the server's last words:\n{process.Log.LastLines(6)}");
        }
        finally
        {
            Array.ForEach(listeners, listener => listener.Dispose());
        }
    }

    public async ValueTask DisposeAsync()
    {
        _busy.ForEach(device => device.Peer.Dispose());
        await _server.DisposeAsync();
        _drivers.ForEach(driver => driver.Dispose());
    }

    private static string DevicePath(string folder, int device) => Path.Combine(folder, string.Create(CultureInfo.InvariantCulture, $"d{device}"));

    private static string HostPath(string folder, int device, int port)
        => Path.Combine(folder, string.Create(CultureInfo.InvariantCulture, $"h{device}-{port}"));

    private static string Describe(string folder, int devices, int busy, bool isLean)
    {
        StringBuilder text = new($"control = \"{Path.Combine(folder, "control")}\"\n");
        for (int device = 0; device < devices; device++)
        {
            _ = text.Append(CultureInfo.InvariantCulture, $"[vm.vm{device}]\nconnect = \"{DevicePath(folder, device)}\"\n");
            foreach (int port in AllPorts)
            {
                string end = isLean && device >= busy
                    ? "service = \"echo\""
                    : $"char = \"unix:{HostPath(folder, device, port)},server=on,wait=off\"";
                _ = text.Append(CultureInfo.InvariantCulture, $"[[vm.vm{device}.port]]\nport = {port}\nprotocol = \"org.vmchannel.bench.{port}\"\n{end}\n");
            }
        }

        return text.ToString();
    }

    private static UnixListener Listen(string folder, int device)
        => UnixListener.TryOpen(Sockets.Address(folder, Path.GetFileName(DevicePath(folder, device))), backlog: 1, out string? reason)
            ?? throw new BenchException($"device {device} {reason}");

    private static FileDescriptor Accept(UnixListener listener)
    {
        PollEntry[] wait = [new(listener.Socket.Number, PollEvents.In)];
        if (Poll.Wait(wait, Patience).OrThrow("poll") == 0)
        {
            throw new BenchException($"the server did not connect within {Patience.TotalSeconds} s");
        }

        _ = UnixSocket.Accept(listener.Socket, out FileDescriptor? socket).OrThrow("accept");
        listener.Dispose();
        return socket!;
    }
}
