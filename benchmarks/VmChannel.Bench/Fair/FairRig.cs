using System.Globalization;
using VmChannel.Bench.Alone;
using VmChannel.Cli.Run;
using VmChannel.Native;

namespace VmChannel.Bench.Fair;

/// <summary><c>vmchannel serve</c> as it is shipped with one device, one port of which chats while the others move all they can.</summary>
internal sealed class FairRig : IAsyncDisposable
{
    public const int MostBulkPorts = 16;

    private const int ChattyPort = 1;

    private readonly VmmProcess _server;
    private readonly List<FileDescriptor> _sockets = [];
    private readonly GuestDriver _driver;
    private readonly HostPeer _chatty;

    private FairRig(VmmProcess server, UnixAddress device, Func<int, UnixAddress> host)
    {
        _server = server;
        _chatty = HostPeer.Connect(host(ChattyPort).Name);
        for (int port = 0; port < MostBulkPorts; port++)
        {
            _ = StreamSocket.Connect(host(BulkPort(port)), out FileDescriptor? socket).OrThrow("connect");
            _ = socket!.SetNonBlocking(true).OrThrow("fcntl");
            _sockets.Add(socket);
        }

        _driver = new GuestDriver(device, [ChattyPort, .. Enumerable.Range(0, MostBulkPorts).Select(BulkPort)]);
    }

    /// <param name="program">The executable.</param>
    /// <param name="folder">A private folder for the sockets.</param>
    public static async Task<FairRig> StartAsync(string program, string folder)
    {
        UnixAddress device = Sockets.Address(folder, "device.sock");
        List<string> command = [program, "serve", "--quiet", "--vhost-user", device.Name, "--control", Sockets.Address(folder, "control.sock").Name];
        foreach (int port in Enumerable.Range(ChattyPort, MostBulkPorts + 1))
        {
            command.AddRange(["-virtioserial", string.Create(
                CultureInfo.InvariantCulture, $"port={port},protocol=org.vmchannel.bench.{port},char=unix:{Host(port).Name},server=on,wait=off")]);
        }

        VmmProcess server = await VmmProcess.StartAsync(command, new Dictionary<string, string>());
        try
        {
            return new FairRig(server, device, Host);
        }
        catch (Exception error) when (error is BenchException or IOException)
        {
            await server.DisposeAsync();
            throw new BenchException($"{error.Message}; the server's last words:\n{server.Log.LastLines(6)}");
        }

        UnixAddress Host(int port) => Sockets.Address(folder, string.Create(CultureInfo.InvariantCulture, $"host{port}.sock"));
    }

    /// <summary>So many of the other ports begin to move bytes; disposing ends that.</summary>
    public BulkLoad Load(int ports, bool fromGuest)
    {
        int[] chosen = [.. Enumerable.Range(0, ports).Select(BulkPort)];
        return new(_driver, [.. chosen.Select(port => fromGuest ? _driver.To[port] : _driver.From[port])], [.. _sockets.Take(ports)], fromGuest);
    }

    /// <summary>Turns of one byte from the guest to the host and back on a port of its own, in microseconds.</summary>
    public double[] PingPong(int count) => _driver.PingPong(ChattyPort, count, _chatty);

    /// <summary>A byte on that port right behind a burst on so many of the others.</summary>
    public Burst Burst(int ports) => new(_driver, ChattyPort, _chatty, [.. Enumerable.Range(0, ports).Select(BulkPort)], _sockets);

    public async ValueTask DisposeAsync()
    {
        _chatty.Dispose();
        _sockets.ForEach(socket => socket.Dispose());
        await _server.DisposeAsync();
        _driver.Dispose();
    }

    private static int BulkPort(int index) => ChattyPort + 1 + index;
}
