using System.IO.Pipelines;
using System.Net;
using System.Net.Sockets;
using VmChannel.Device.Channels;
using VmChannel.Device.Chardevs;
using VmChannel.Device.Loop;
using VmChannel.Device.Services;
using VmChannel.Device.Tests.Chardevs;
using VmChannel.Device.Tests.Services;
using VmChannel.Testing;
using Xunit;

namespace VmChannel.Device.Tests.Channels;

/// <summary>A host end of some kind, and a program behind it that keeps what it gets and sends what it is told.</summary>
internal abstract class HostPeer : IDisposable
{
    private readonly Lock _lock = new();
    private readonly MemoryStream _received = new();

    public HostEnd End { get; protected init; } = null!;

    /// <summary>It keeps what it gets, and sends.</summary>
    public virtual bool IsReal => true;

    public virtual bool MaySend => true;

    /// <summary>The kernel drops what its program has not read when the end goes.</summary>
    public virtual bool MayLoseTheLast => false;

    public static HostPeer Create(string kind, DeviceLoop loop, LogLines log, TemporaryFolder folder) => kind switch
    {
        "unix" => new SocketPeer(loop, log, $"unix:{folder[$"u{Guid.NewGuid():N}"[..8]]},server"),
        "tcp" => new SocketPeer(loop, log, "tcp:127.0.0.1:0,server"),
        "pty" => new PtyPeer(loop, log),
        "file" => new FilePeer(loop, log, folder[Guid.NewGuid().ToString("N")]),
        "service" => new ServicePeer(loop, log),
        _ => new NullPeer(),
    };

    /// <summary>The program comes, after the end has started.</summary>
    public virtual void Connect()
    {
    }

    public virtual byte[] Received()
    {
        lock (_lock)
        {
            return _received.ToArray();
        }
    }

    /// <summary>Sends until all is sent or the end is gone. Returns how much was.</summary>
    public abstract int Send(byte[] bytes);

    public virtual void Dispose() => _received.Dispose();

    protected static HostEnd Chardev(string options, DeviceLoop loop, LogLines log)
    {
        Assert.True(ChardevOptions.TryParse(options, out ChardevSpec? spec, out string? error), error);
        return ChardevFactory.Create(spec, loop, log);
    }

    protected void Keep(ReadOnlySpan<byte> bytes)
    {
        lock (_lock)
        {
            _received.Write(bytes);
        }
    }

    /// <summary>Keeps what a stream gives until it ends or fails, on a thread of its own.</summary>
    protected void ReadFrom(Stream stream) => new Thread(() =>
    {
        byte[] buffer = new byte[30_000];
        try
        {
            for (int count = stream.Read(buffer); count > 0; count = stream.Read(buffer))
            {
                Keep(buffer.AsSpan(0, count));
            }
        }
        catch (Exception e) when (e is IOException or ObjectDisposedException)
        {
            // A terminal's end, or a reset.
        }
    })
    {
        IsBackground = true,
    }.Start();

    protected static int SendTo(Stream stream, byte[] bytes)
    {
        int sent = 0;
        try
        {
            foreach (byte[] part in bytes.Chunk(1000))
            {
                stream.Write(part);
                sent += part.Length;
            }
        }
        catch (Exception e) when (e is IOException or ObjectDisposedException)
        {
            // The end is gone.
        }

        return sent;
    }

    private sealed class SocketPeer : HostPeer
    {
        private Socket? _socket;
        private NetworkStream? _stream;

        public SocketPeer(DeviceLoop loop, LogLines log, string options) => End = Chardev(options, loop, log);

        public override void Connect()
        {
            EndPoint address = End is TcpServer tcp ? tcp.LocalAddress! : new UnixDomainSocketEndPoint(End.Description["unix:".Length..]);
            _socket = new Socket(address.AddressFamily, SocketType.Stream, End is TcpServer ? ProtocolType.Tcp : ProtocolType.Unspecified);
            _socket.Connect(address);
            _stream = new NetworkStream(_socket);
            ReadFrom(_stream);
        }

        public override int Send(byte[] bytes) => SendTo(_stream!, bytes);

        public override void Dispose()
        {
            _stream?.Dispose();
            _socket?.Dispose();
            base.Dispose();
        }
    }

    private sealed class PtyPeer : HostPeer
    {
        private FileStream? _slave;

        public PtyPeer(DeviceLoop loop, LogLines log) => End = Chardev("pty", loop, log);

        public override bool MayLoseTheLast => true;

        public override void Connect()
        {
            string path = ((PtyChardev)End).SlavePath!;
            _slave = new FileStream(path, FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite, bufferSize: 0);
            ReadFrom(_slave);
        }

        public override int Send(byte[] bytes) => SendTo(_slave!, bytes);

        public override void Dispose()
        {
            _slave?.Dispose();
            base.Dispose();
        }
    }

    private sealed class FilePeer : HostPeer
    {
        private readonly string _path;

        public FilePeer(DeviceLoop loop, LogLines log, string path)
        {
            _path = path;
            End = Chardev($"file:{path}", loop, log);
        }

        public override bool MaySend => false;

        public override byte[] Received() => File.Exists(_path) ? File.ReadAllBytes(_path) : [];

        public override int Send(byte[] bytes) => 0;
    }

    private sealed class ServicePeer : HostPeer
    {
        private readonly TaskCompletionSource<PipeWriter> _output = new();

        public ServicePeer(DeviceLoop loop, LogLines log)
            => End = new ServiceEnd(new DelegateService(RunAsync), loop, log);

        public override int Send(byte[] bytes)
        {
            PipeWriter output = _output.Task.GetAwaiter().GetResult();
            return SendTo(output.AsStream(leaveOpen: true), bytes);
        }

        private async Task RunAsync(IDuplexPipe channel, CancellationToken cancellation)
        {
            _ = _output.TrySetResult(channel.Output);
            ReadResult result;
            do
            {
                result = await channel.Input.ReadAsync(cancellation);
                foreach (ReadOnlyMemory<byte> piece in result.Buffer)
                {
                    Keep(piece.Span);
                }

                channel.Input.AdvanceTo(result.Buffer.End);
            }
            while (!result.IsCompleted);
        }
    }

    private sealed class NullPeer : HostPeer
    {
        public NullPeer() => End = new NullChardev();

        public override bool IsReal => false;

        public override bool MaySend => false;

        public override int Send(byte[] bytes) => 0;
    }
}
