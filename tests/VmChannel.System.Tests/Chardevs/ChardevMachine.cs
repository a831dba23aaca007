using System.Net;
using System.Net.Sockets;
using VmChannel.SystemTests.Rig;
using VmChannel.Testing;

namespace VmChannel.SystemTests.Chardevs;

/// <summary>A server with a channel for every chardev and service, and a guest.</summary>
public sealed class ChardevMachine : IAsyncLifetime
{
    private const string Protocol = "protocol=test.";
    private static readonly string[] Services = ["echo", "sink", "source", "log,path=lines.log"];

    private readonly TestFolder _folder = new();
    private readonly Socket _tcpListener = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
    private readonly Socket _unixListener = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
    private readonly Socket _inherited = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);

    internal string AbstractName { get; } = $"vmt-{Guid.NewGuid():N}";

    internal IPEndPoint TcpServer { get; } = new(IPAddress.Loopback, TcpPort.Free());

    /// <summary>Accepts what the tcp client chardev connects.</summary>
    internal Socket TcpListener => _tcpListener;

    /// <summary>Accepts what the unix client chardev connects.</summary>
    internal Socket UnixListener => _unixListener;

    /// <summary>The other end of the descriptor that the server inherited.</summary>
    internal ChannelClient Inherited { get; private set; } = null!;

    internal ServeProcess Serve { get; private set; } = null!;

    internal Guest Guest { get; private set; } = null!;

    public async ValueTask InitializeAsync()
    {
        Listen(_tcpListener, new IPEndPoint(IPAddress.Loopback, 0));
        Listen(_inherited, new IPEndPoint(IPAddress.Loopback, 0));
        Listen(_unixListener, new UnixDomainSocketEndPoint(File("client.sock")));
        await System.IO.File.WriteAllTextAsync(File("input"), "from a file\n");
        await using (HostProcess mkfifo = await HostProcess.RunAsync("mkfifo", File("fifo.in"), File("fifo.out")))
        {
            Assert.Equal(0, await mkfifo.Ended);
        }

        string[] channels =
        [
            .. new (string Name, string Chardev)[]
            {
                ("unix-server", $"unix:{File("server.sock")},server"),
                ("unix-client", $"unix:{File("client.sock")},reconnect-ms=20"),
                ("abstract", $"unix:@{AbstractName},server"),
                ("tcp-server", $"tcp:{TcpServer},server"),
                ("tcp-client", $"tcp:{_tcpListener.LocalEndPoint},reconnect-ms=20"),
                ("pty", $"pty,path={File("pty")}"),
                ("file", $"file:{File("output")},input-path={File("input")}"),
                ("pipe", $"pipe:{File("fifo")}"),
                ("stdio", "stdio"),
                ("null", "null"),
                ("fd", "fd:7"),
            }.SelectMany(channel => (string[])["-virtioserial", $"{Protocol}{channel.Name},char={channel.Chardev}"]),
            .. Services.SelectMany(service => (string[])["-virtioserial", $"{Protocol}{service.Split(',')[0]},service={service.Replace("path=", $"path={_folder.Root}/", StringComparison.Ordinal)}"]),
        ];
        int port = ((IPEndPoint)_inherited.LocalEndPoint!).Port;
        Serve = await ServeProcess.StartAsync(_folder, new ServeStreams(Redirections: $"7<>/dev/tcp/127.0.0.1/{port}", OutputIsAChannel: true), channels);
        Inherited = ChannelClient.Of(await _inherited.AcceptAsync());
        Guest = await UmlGuest.BootAsync(Serve);
        await Guest.UntilAsync(string.Join(" && ", channels.Where(word => word.StartsWith(Protocol, StringComparison.Ordinal))
            .Select(word => $"[ -e {PathOf(word[Protocol.Length..].Split(',')[0])} ]")));
    }

    public async ValueTask DisposeAsync()
    {
        await Guest.DisposeAsync();
        await Serve.DisposeAsync();
        Inherited.Dispose();
        _tcpListener.Dispose();
        _unixListener.Dispose();
        _inherited.Dispose();
        _folder.Dispose();
    }

    internal string File(string name) => _folder.File(name);

    internal static string PathOf(string name) => $"/dev/vmchannel/test/{name}";

    private static void Listen(Socket socket, EndPoint address)
    {
        socket.Bind(address);
        socket.Listen();
    }
}

[CollectionDefinition]
public sealed class ChardevCollection : ICollectionFixture<ChardevMachine>;
