using System.Runtime.InteropServices;

namespace VmChannel.Native;

/// <summary>Who is at the other end of a unix socket (SO_PEERCRED, taken when it connected).</summary>
[StructLayout(LayoutKind.Sequential)]
public readonly record struct PeerCredentials(int Pid, uint Uid, uint Gid);

/// <summary>Socket calls .NET lacks: descriptors beside bytes, accept without a <c>Socket</c>, peer credentials.</summary>
public static unsafe class UnixSocket
{
    /// <summary>Descriptors one message may carry (Linux SCM_MAX_FD is 253; no vhost-user message has more than 8).</summary>
    public const int MaxDescriptors = 32;

    private const int CloseOnExecFlag = 0x80000;
    private const int NonBlockingFlag = 0x800;
    private const int SolSocket = 1;
    private const int ScmRights = 1;
    private const int SoPeerCred = 17;
    private const int SoPeerGroups = 59;
    private const int SoError = 4;
    private const int SoAcceptConnections = 30;
    private const int MsgNoSignal = 0x4000;
    private const int MsgDontWait = 0x40;
    private const int MsgControlTruncated = 0x8;
    private const int MsgCloseOnExec = 0x40000000;
    private const int ControlHeaderBytes = 16;

    /// <summary>Two connected stream sockets.</summary>
    public static (FileDescriptor First, FileDescriptor Second) Pair()
    {
        int* fds = stackalloc int[2];
        _ = PosixResult.From(Libc.SocketPair(1, 1 | CloseOnExecFlag, 0, fds)).OrThrow("socketpair");
        return (new(fds[0]), new(fds[1]));
    }

    /// <summary>Accepts one connection, non-blocking and close-on-exec.</summary>
    public static PosixResult Accept(FileDescriptor listener, out FileDescriptor? accepted)
    {
        PosixResult result;
        do
        {
            result = PosixResult.From(Libc.Accept(listener, null, null, CloseOnExecFlag | NonBlockingFlag));
        }
        while (result.Error == Errno.Interrupted);
        accepted = result.IsSuccess ? new FileDescriptor((int)result.Value) : null;
        return result;
    }

    /// <summary>Ends one or both directions: 0 = reading, 1 = writing, 2 = both (shutdown(2)).</summary>
    public static PosixResult Shutdown(FileDescriptor socket, int how) => PosixResult.From(Libc.Shutdown(socket, how));

    public static PosixResult GetPeerCredentials(FileDescriptor socket, out PeerCredentials credentials)
    {
        PeerCredentials value = default;
        uint length = (uint)sizeof(PeerCredentials);
        PosixResult result = PosixResult.From(Libc.GetSocketOption(socket, SolSocket, SoPeerCred, &value, &length));
        credentials = value;
        return result;
    }

    /// <summary>The supplementary groups of the process at the other end (SO_PEERGROUPS), taken when it connected.</summary>
    public static PosixResult GetPeerGroups(FileDescriptor socket, out uint[] groups)
    {
        groups = new uint[32];
        while (true)
        {
            uint length = (uint)groups.Length * sizeof(uint);
            PosixResult result;
            fixed (uint* ids = groups)
            {
                result = PosixResult.From(Libc.GetSocketOption(socket, SolSocket, SoPeerGroups, ids, &length));
            }

            if (result.Error == Errno.ResultTooLarge && length > groups.Length * sizeof(uint))
            {
                groups = new uint[length / sizeof(uint)];
                continue;
            }

            groups = result.IsSuccess ? groups[..(int)(length / sizeof(uint))] : [];
            return result;
        }
    }

    /// <summary>The socket listens (SO_ACCEPTCONN).</summary>
    public static bool IsListening(FileDescriptor socket)
    {
        int listening = 0;
        uint length = sizeof(int);
        return Libc.GetSocketOption(socket, SolSocket, SoAcceptConnections, &listening, &length) == 0 && listening != 0;
    }

    /// <summary>The pending error of a socket, which is how a non-blocking connect ends.</summary>
    public static Errno TakeError(FileDescriptor socket)
    {
        int error = 0;
        uint length = sizeof(int);
        return Libc.GetSocketOption(socket, SolSocket, SoError, &error, &length) == 0 ? (Errno)error : Errno.BadDescriptor;
    }

    /// <summary>Receives bytes and the descriptors that came with them, without blocking.</summary>
    /// <param name="socket">A unix stream socket.</param>
    /// <param name="destination">Receives bytes; zero received bytes mean the peer is gone.</param>
    /// <param name="descriptors">Descriptors are appended; the caller owns them, also after an error.</param>
    public static PosixResult Receive(FileDescriptor socket, Span<byte> destination, List<FileDescriptor> descriptors)
    {
        const int ControlBytes = ControlHeaderBytes + (MaxDescriptors * sizeof(int));
        ulong* control = stackalloc ulong[(ControlBytes + 7) / 8];
        fixed (byte* bytes = destination)
        {
            IoVector vector = new((nint)bytes, (nuint)destination.Length);
            MessageHeader message = new() { Vectors = &vector, VectorCount = 1, Control = control, ControlBytes = ControlBytes };
            PosixResult result;
            do
            {
                message.ControlBytes = ControlBytes;
                result = PosixResult.From(Libc.ReceiveMessage(socket, &message, MsgDontWait | MsgCloseOnExec));
            }
            while (result.Error == Errno.Interrupted);

            if (result.IsSuccess)
            {
                TakeDescriptors((byte*)control, (int)message.ControlBytes, descriptors);
                if ((message.Flags & MsgControlTruncated) != 0)
                {
                    // More descriptors than any message of this protocol has: the kernel dropped the rest.
                    return new(-1, Errno.InvalidArgument);
                }
            }

            return result;
        }
    }

    /// <summary>Sends bytes, and descriptors beside the first of them.</summary>
    public static PosixResult Send(FileDescriptor socket, ReadOnlySpan<byte> source, ReadOnlySpan<FileDescriptor> descriptors = default)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(descriptors.Length, MaxDescriptors, nameof(descriptors));
        int payload = descriptors.Length * sizeof(int);
        ulong* control = stackalloc ulong[(ControlHeaderBytes + payload + 7) / 8];
        *(nuint*)control = (nuint)(ControlHeaderBytes + payload);
        ((int*)control)[2] = SolSocket;
        ((int*)control)[3] = ScmRights;
        for (int i = 0; i < descriptors.Length; i++)
        {
            ((int*)control)[4 + i] = descriptors[i].Number;
        }

        fixed (byte* bytes = source)
        {
            IoVector vector = new((nint)bytes, (nuint)source.Length);
            MessageHeader message = new() { Vectors = &vector, VectorCount = 1 };
            if (payload > 0)
            {
                message.Control = control;
                message.ControlBytes = (nuint)(ControlHeaderBytes + ((payload + 7) & ~7));
            }

            PosixResult result;
            do
            {
                result = PosixResult.From(Libc.SendMessage(socket, &message, MsgNoSignal));
            }
            while (result.Error == Errno.Interrupted);
            return result;
        }
    }

    private static void TakeDescriptors(byte* control, int controlBytes, List<FileDescriptor> descriptors)
    {
        int offset = 0;
        while (controlBytes - offset >= ControlHeaderBytes)
        {
            // SAFETY: the kernel wrote well-formed headers inside the buffer we gave; lengths are checked all the same.
            int length = (int)*(nuint*)(control + offset);
            int level = *(int*)(control + offset + 8);
            int type = *(int*)(control + offset + 12);
            if (length < ControlHeaderBytes || length > controlBytes - offset)
            {
                break;
            }

            if (level == SolSocket && type == ScmRights)
            {
                for (int at = offset + ControlHeaderBytes; at + sizeof(int) <= offset + length; at += sizeof(int))
                {
                    descriptors.Add(new FileDescriptor(*(int*)(control + at)));
                }
            }

            offset += (length + 7) & ~7;
        }
    }

    /// <summary><c>struct msghdr</c> of 64-bit Linux.</summary>
    [StructLayout(LayoutKind.Sequential)]
    private struct MessageHeader
    {
        public void* Name;
        public uint NameBytes;
        public IoVector* Vectors;
        public nuint VectorCount;
        public void* Control;
        public nuint ControlBytes;
        public int Flags;
    }
}
