using System.Globalization;
using VmChannel.Bench.Alone;
using VmChannel.Cli.Run;
using VmChannel.Native;

namespace VmChannel.Bench.Api;

/// <summary><c>vmchannel serve</c> as it is shipped, in a process of its own, with a driver double for a guest: no VM, but all else is real.</summary>
internal sealed class BusyServer : IAsyncDisposable
{
    public const string Vm = "bench";

    private const int BusyPort = 1;
    private const int OtherPorts = 15;

    private readonly VmmProcess _server;

    private BusyServer(VmmProcess server, string control, HostPeer peer, GuestDriver driver)
    {
        _server = server;
        Control = control;
        Peer = peer;
        Driver = driver;
    }

    /// <summary>Path of the control API's socket.</summary>
    public string Control { get; }

    public HostPeer Peer { get; }

    public GuestDriver Driver { get; }

    public int ProcessId => _server.Id;

    /// <param name="program">The executable.</param>
    /// <param name="folder">A private folder for the sockets.</param>
    public static async Task<BusyServer> StartAsync(string program, string folder)
    {
        UnixAddress device = Sockets.Address(folder, "device.sock");
        UnixAddress control = Sockets.Address(folder, "control.sock");
        UnixAddress host = Sockets.Address(folder, "host.sock");
        List<string> command =
        [
            program, "serve", "--quiet", "--name", Vm, "--vhost-user", device.Name, "--control", control.Name,
            "-virtioserial", $"port={BusyPort},protocol=org.vmchannel.bench.busy,char=unix:{host.Name},server=on,wait=off",
        ];
        for (int port = BusyPort + 1; port <= BusyPort + OtherPorts; port++)
        {
            command.AddRange(["-virtioserial", string.Create(CultureInfo.InvariantCulture, $"port={port},protocol=org.vmchannel.bench.idle{port},service=echo")]);
        }

        VmmProcess server = await VmmProcess.StartAsync(command, new Dictionary<string, string>());
        try
        {
            HostPeer peer = HostPeer.Connect(host.Name);
            return new BusyServer(server, control.Name, peer, new GuestDriver(device, BusyPort));
        }
        catch (Exception error) when (error is BenchException or IOException)
        {
            await server.DisposeAsync();
            throw new BenchException($"{error.Message}; the server's last words:\n{server.Log.LastLines(6)}");
        }
    }

    /// <summary>Turns of one byte from the guest to the host and back, in microseconds.</summary>
    public double[] PingPong(int count) => Driver.PingPong(BusyPort, count, Peer);

    public async ValueTask DisposeAsync()
    {
        Driver.Dispose();
        Peer.Dispose();
        await _server.DisposeAsync();
    }
}
