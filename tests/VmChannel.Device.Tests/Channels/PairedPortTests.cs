using System.Net;
using System.Net.Sockets;
using VmChannel.Device.Channels;
using VmChannel.Device.Chardevs;
using VmChannel.Device.Chardevs.Streams;
using VmChannel.Device.Ports;
using VmChannel.Device.Tests.Chardevs;
using VmChannel.Device.Tests.Chardevs.Streams;
using VmChannel.Device.Tests.VirtioSerial;
using VmChannel.Native;
using VmChannel.Testing;
using VmChannel.Wire.VirtioConsole;

namespace VmChannel.Device.Tests.Channels;

/// <summary>Tests of one port with a guest and clients over real sockets and rings; served as they say, its openings in the guest are connections.</summary>
public abstract class PairedPortTests : IAsyncDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly TlsFolder _tls = new();
    private readonly List<IDisposable> _peers = [];
    private Func<IPEndPoint>? _address;
    private Guest? _guest;

    private protected SerialRig Rig { get; } = new();

    private protected Port Port => Rig.Ports[1];

    private protected SerialDriver Driver => _guest!.Driver;

    public ValueTask DisposeAsync()
    {
        GC.SuppressFinalize(this);
        _peers.ForEach(peer => peer.Dispose());
        _guest?.Dispose();
        Rig.Dispose();
        _tls.Dispose();
        _folder.Dispose();
        return ValueTask.CompletedTask;
    }

    private protected static byte[] ReadExactly(Stream stream, int count)
    {
        byte[] bytes = new byte[count];
        stream.ReadExactly(bytes);
        return bytes;
    }

    private protected static byte[] ReadToEnd(Stream stream)
    {
        using MemoryStream all = new();
        stream.CopyTo(all);
        return all.ToArray();
    }

    private protected void Serve(string kind, PortLimits? limits = null, GuestClosePolicy policy = GuestClosePolicy.Disconnect, int ringSize = 64, int bufferBytes = 4096)
    {
        string options = kind switch
        {
            "unix" => $"unix:{_folder["s"]},server",
            "unix-first" => $"unix:{_folder["s"]},server,clients=4",
            "unix-broadcast" => $"unix:{_folder["s"]},server,clients=4,mode=broadcast",
            "tcp" => "tcp:127.0.0.1:0,server",
            _ => $"tcp:127.0.0.1:0,server,tls-cert={_tls.ServerPem}",
        };
        HostEnd end = ChardevFactory.Create(ChardevRig.Parse(options), Rig.Loop, Rig.Log);
        _address = () => end is TcpServer tcp ? tcp.LocalAddress! : ((StreamEnd)end).LocalAddress!;
        Rig.Plug(new PortSpec(1, "paired") { OnGuestClose = policy, Limits = limits ?? PortLimits.Default }, end);
        Boot(ringSize, bufferBytes);
    }

    private protected void Boot(int ringSize = 64, int bufferBytes = 4096)
    {
        _guest = new Guest(Rig, ringSize: ringSize, bufferBytes: bufferBytes);
        Driver.Send(1, ControlEvent.PortReady, 1);
    }

    private protected Stream Connect(string kind)
    {
        Stream stream;
        if (kind.StartsWith("unix", StringComparison.Ordinal))
        {
            stream = new NetworkStream(UnixServerTests.Connect(_folder["s"]), ownsSocket: true);
        }
        else
        {
            stream = kind == "tcp" ? Plain(_address!()) : TlsClient.ConnectAsync(_address!(), _tls.Authority).GetAwaiter().GetResult().Stream;
        }

        stream.ReadTimeout = 20_000;
        _peers.Add(stream);
        return stream;
    }

    private static NetworkStream Plain(IPEndPoint address)
    {
        Socket socket = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        socket.Connect(address);
        return new NetworkStream(socket, ownsSocket: true);
    }

    private protected (Socket Socket, ConnectedChardev End) Attach(ClientAccess access, bool untilGuestCloses = false)
    {
        (FileDescriptor ours, FileDescriptor theirs) = UnixSocket.Pair();
        Socket socket = new(new SafeSocketHandle(theirs.Number, ownsHandle: true)) { ReceiveTimeout = 20_000 };
        theirs.SetHandleAsInvalid();
        _peers.Add(socket);
        ConnectedChardev end = new(Rig.Loop, ours, "attached", Rig.Log);
        _ = Rig.Thread.Invoke(() => Port.AddClient(end, access, untilGuestCloses));
        return (socket, end);
    }

    /// <summary>A program opens the port.</summary>
    private protected void Open(bool receives = true)
    {
        if (receives)
        {
            _ = Driver.Input(1).Post(int.MaxValue);
        }

        Driver.Send(1, ControlEvent.PortOpen, 1);
    }

    /// <summary>It closes it, and the driver throws away what it has not read, as Linux does.</summary>
    private protected void Close()
    {
        Driver.Send(1, ControlEvent.PortOpen, 0);
        Driver.Receive(1, []);
    }

    /// <summary>Writes until the host takes nothing more and half the ring waits.</summary>
    private protected byte[] WriteUntilStuck()
    {
        List<byte> written = [];
        while (Driver.Output(1).Ring.InFlight < 512)
        {
            byte[] bytes = Guest.Bytes(1000, written.Count);
            Driver.Write(1, bytes);
            written.AddRange(bytes);
            if (written.Count % 64_000 == 0)
            {
                Rig.Thread.Settle();
                Driver.Output(1).Reclaim();
            }
        }

        return [.. written];
    }

    /// <summary>Waits until the guest was told so.</summary>
    private protected void WaitHost(bool isOpen) => Wait.Until(() => Rig.Thread.Invoke(() => Port.IsHostOpen) == isOpen, $"the host to be {(isOpen ? "open" : "closed")}");
}
