using System.Buffers.Binary;
using VmChannel.Native;
using VmChannel.Wire.VhostUser;

namespace VmChannel.Testing.FrontEnds;

/// <summary>A front-end's end of the vhost-user socket: whole messages out, whole replies in, and anything malformed on request.</summary>
public sealed class FrontEndSocket : IDisposable
{
    private const int PatienceMs = 30_000;
    private readonly Epoll _epoll = new(1);
    private readonly List<FileDescriptor> _received = [];
    private readonly byte[] _buffer = new byte[VhostUserHeader.Size + VhostUserHeader.MaxPayloadBytes];

    public FrontEndSocket(FileDescriptor socket)
    {
        Socket = socket;
        _ = socket.SetNonBlocking(true);
        _ = _epoll.Add(socket, EpollEvents.In | EpollEvents.ReadHangUp, 1).OrThrow("watch the back-end's socket");
    }

    public FileDescriptor Socket { get; }

    /// <summary>Every message sent, by name, for tests that pin a sequence.</summary>
    public List<VhostUserRequest> Sent { get; } = [];

    /// <summary>Sends one message.</summary>
    public void Send(VhostUserRequest request, ReadOnlySpan<byte> payload, ReadOnlySpan<FileDescriptor> descriptors, bool needsReply = false)
    {
        byte[] message = new byte[VhostUserHeader.Size + payload.Length];
        VhostUserHeader.Ask((uint)request, payload.Length, needsReply).Write(message);
        payload.CopyTo(message.AsSpan(VhostUserHeader.Size));
        Sent.Add(request);
        SendRaw(message, descriptors);
    }

    /// <summary>Sends any bytes.</summary>
    public void SendRaw(ReadOnlySpan<byte> bytes, ReadOnlySpan<FileDescriptor> descriptors = default)
    {
        PosixResult result = UnixSocket.Send(Socket, bytes, descriptors);
        while (result.IsAgain)
        {
            _ = Thread.Yield();
            result = UnixSocket.Send(Socket, bytes, descriptors);
        }

        if (result.OrThrow("send to the back-end") != bytes.Length)
        {
            throw new IOException("the back-end took half a message");
        }
    }

    /// <summary>Waits for the reply to a request and returns its payload.</summary>
    /// <exception cref="IOException">The back-end hung up.</exception>
    public byte[] Receive(VhostUserRequest request)
    {
        Fill(0, VhostUserHeader.Size);
        if (!VhostUserHeader.TryRead(_buffer, out VhostUserHeader header) || !header.IsReply || header.Request != (uint)request)
        {
            throw new IOException($"not a reply to {request}: request {header.Request}, flags 0x{header.Flags:x}");
        }

        int length = (int)header.PayloadBytes;
        Fill(VhostUserHeader.Size, length);
        return _buffer.AsSpan(VhostUserHeader.Size, length).ToArray();
    }

    /// <summary>Waits for a reply that is one number.</summary>
    public ulong ReceiveNumber(VhostUserRequest request) => BinaryPrimitives.ReadUInt64LittleEndian(Receive(request));

    /// <summary>Nothing was sent here that nobody asked for.</summary>
    public bool IsQuiet() => UnixSocket.Receive(Socket, _buffer, _received).IsAgain;

    /// <summary>Waits until the back-end hangs up.</summary>
    public void WaitForHangUp()
        => Wait.Until(() => UnixSocket.Receive(Socket, _buffer, _received) is { IsAgain: false, Value: <= 0 }, "the back-end to hang up");

    public void Dispose()
    {
        _epoll.Dispose();
        Socket.Dispose();
        _received.ForEach(descriptor => descriptor.Dispose());
    }

    private void Fill(int at, int count)
    {
        Span<EpollEvent> events = stackalloc EpollEvent[1];
        int end = at + count;
        while (at < end)
        {
            PosixResult result = UnixSocket.Receive(Socket, _buffer.AsSpan(at, end - at), _received);
            if (result.IsAgain)
            {
                if (_epoll.Wait(events, PatienceMs) == 0)
                {
                    throw new TimeoutException("the back-end does not answer");
                }
            }
            else if (result.OrThrow("receive from the back-end") == 0)
            {
                throw new IOException("the back-end hung up");
            }
            else
            {
                at += (int)result.Value;
            }
        }
    }
}
