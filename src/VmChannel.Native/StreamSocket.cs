using System.Net;

namespace VmChannel.Native;

/// <summary>Non-blocking stream sockets by address, without .NET's own socket engine: our loop is the one that waits.</summary>
public static unsafe class StreamSocket
{
    private const int StreamCloseOnExecNonBlocking = 1 | 0x80000 | 0x800;
    private const int FamilyUnix = 1;
    private const int FamilyInternet6 = 10;
    private const int SolSocket = 1;
    private const int SoReuseAddress = 2;
    private const int SoKeepAlive = 9;
    private const int SolTcp = 6;
    private const int TcpNoDelay = 1;
    private const int TcpKeepIdle = 4;
    private const int TcpKeepInterval = 5;
    private const int TcpKeepCount = 6;
    private const int SolIpv6 = 41;
    private const int Ipv6Only = 26;

    /// <summary>Binds and listens. The file of a unix socket belongs to its owner alone (mode 0600) from its first moment.</summary>
    public static PosixResult Listen(UnixAddress address, int backlog, out FileDescriptor? listener)
        => Listen(address.Encoded, backlog, onlyIpv6: false, out listener);

    /// <summary>Binds and listens.</summary>
    /// <param name="address">Where; port 0 lets the system choose.</param>
    /// <param name="backlog">Connections that may wait to be accepted.</param>
    /// <param name="onlyIpv6">An IPv6 wildcard takes no IPv4 connections.</param>
    /// <param name="listener">The socket on success.</param>
    public static PosixResult Listen(IPEndPoint address, int backlog, bool onlyIpv6, out FileDescriptor? listener)
        => Listen(Encode(address), backlog, onlyIpv6, out listener);

    /// <summary>Lets a listening socket hold more, or fewer, connections that wait to be accepted. Those that wait stay.</summary>
    public static PosixResult SetBacklog(FileDescriptor listener, int backlog) => PosixResult.From(Libc.Listen(listener, backlog));

    /// <summary>Begins to connect. <see cref="Errno.InProgress"/> also yields the socket: writable or hung up tells the end.</summary>
    public static PosixResult Connect(IPEndPoint address, out FileDescriptor? socket) => Connect(Encode(address), out socket);

    /// <summary>Connects. <see cref="Errno.Again"/>: the server's backlog is full.</summary>
    public static PosixResult Connect(UnixAddress address, out FileDescriptor? socket) => Connect(address.Encoded, out socket);

    /// <summary>Small messages leave at once instead of waiting for more (TCP_NODELAY).</summary>
    public static PosixResult SetNoDelay(FileDescriptor socket) => SetOption(socket, SolTcp, TcpNoDelay, 1);

    /// <summary>An idle connection whose other machine is gone ends by itself.</summary>
    /// <param name="socket">A TCP socket.</param>
    /// <param name="idle">Silence after which the other machine is asked, in whole seconds.</param>
    /// <param name="interval">Time between questions, in whole seconds.</param>
    /// <param name="count">Questions without an answer that end it.</param>
    public static PosixResult SetKeepAlive(FileDescriptor socket, TimeSpan idle, TimeSpan interval, int count)
    {
        PosixResult result = SetOption(socket, SolSocket, SoKeepAlive, 1);
        result = result.IsSuccess ? SetOption(socket, SolTcp, TcpKeepIdle, (int)idle.TotalSeconds) : result;
        result = result.IsSuccess ? SetOption(socket, SolTcp, TcpKeepInterval, (int)interval.TotalSeconds) : result;
        return result.IsSuccess ? SetOption(socket, SolTcp, TcpKeepCount, count) : result;
    }

    /// <summary>Address and port of this end of an internet socket; null for any other.</summary>
    public static IPEndPoint? LocalAddress(FileDescriptor socket)
    {
        byte* name = stackalloc byte[128];
        uint length = 128;
        return Libc.GetSocketName(socket, name, &length) == 0 ? Decode(new ReadOnlySpan<byte>(name, (int)Math.Min(length, 128))) : null;
    }

    /// <summary>Address and port of the other end of an internet socket; null for any other.</summary>
    public static IPEndPoint? PeerAddress(FileDescriptor socket)
    {
        byte* name = stackalloc byte[128];
        uint length = 128;
        return Libc.GetPeerName(socket, name, &length) == 0 ? Decode(new ReadOnlySpan<byte>(name, (int)Math.Min(length, 128))) : null;
    }

    private static PosixResult Listen(ReadOnlySpan<byte> address, int backlog, bool onlyIpv6, out FileDescriptor? listener)
    {
        listener = null;
        PosixResult result = Open(address, out FileDescriptor? socket);
        if (!result.IsSuccess)
        {
            return result;
        }

        if (Family(address) == FamilyUnix)
        {
            // Linux gives the file the mode of the socket's own inode, so nobody can connect before a later chmod.
            result = PosixResult.From(Libc.ChangeMode(socket!, 0x180));
        }
        else
        {
            result = SetOption(socket!, SolSocket, SoReuseAddress, 1);
            if (result.IsSuccess && Family(address) == FamilyInternet6)
            {
                result = SetOption(socket!, SolIpv6, Ipv6Only, onlyIpv6 ? 1 : 0);
            }
        }

        fixed (byte* bytes = address)
        {
            if (result.IsSuccess)
            {
                result = PosixResult.From(Libc.Bind(socket!, bytes, (uint)address.Length));
            }
        }

        if (result.IsSuccess)
        {
            result = PosixResult.From(Libc.Listen(socket!, backlog));
        }

        if (!result.IsSuccess)
        {
            socket!.Dispose();
            return result;
        }

        listener = socket;
        return result;
    }

    private static PosixResult Connect(ReadOnlySpan<byte> address, out FileDescriptor? connected)
    {
        connected = null;
        PosixResult result = Open(address, out FileDescriptor? socket);
        if (!result.IsSuccess)
        {
            return result;
        }

        fixed (byte* bytes = address)
        {
            result = PosixResult.From(Libc.Connect(socket!, bytes, (uint)address.Length));
        }

        // An interrupted connect goes on by itself.
        if (result.Error == Errno.Interrupted)
        {
            result = new(-1, Errno.InProgress);
        }

        if (result.IsSuccess || result.Error == Errno.InProgress)
        {
            connected = socket;
        }
        else
        {
            socket!.Dispose();
        }

        return result;
    }

    private static PosixResult Open(ReadOnlySpan<byte> address, out FileDescriptor? socket)
    {
        PosixResult result = PosixResult.From(Libc.Socket(Family(address), StreamCloseOnExecNonBlocking, 0));
        socket = result.IsSuccess ? new FileDescriptor((int)result.Value) : null;
        return result;
    }

    private static int Family(ReadOnlySpan<byte> address) => address[0] | (address[1] << 8);

    private static PosixResult SetOption(FileDescriptor socket, int level, int name, int value)
        => PosixResult.From(Libc.SetSocketOption(socket, level, name, &value, sizeof(int)));

    private static ReadOnlySpan<byte> Encode(IPEndPoint address)
    {
        SocketAddress encoded = address.Serialize();
        return encoded.Buffer.Span[..encoded.Size];
    }

    private static IPEndPoint? Decode(ReadOnlySpan<byte> address)
    {
        if (address.Length < 16 || Family(address) == FamilyUnix)
        {
            return null;
        }

        int port = (address[2] << 8) | address[3];
        return Family(address) == FamilyInternet6
            ? address.Length < 28 ? null : new(new IPAddress(address.Slice(8, 16)), port)
            : new(new IPAddress(address.Slice(4, 4)), port);
    }
}
