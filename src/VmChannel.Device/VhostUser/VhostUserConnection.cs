using System.Buffers;
using VmChannel.Native;
using VmChannel.Wire.VhostUser;

namespace VmChannel.Device.VhostUser;

/// <summary>Whole messages, with their descriptors, out of a stream socket that may deliver them in any pieces.</summary>
internal sealed class VhostUserConnection(FileDescriptor socket) : IDisposable
{
    private readonly byte[] _buffer = new byte[VhostUserHeader.Size + VhostUserHeader.MaxPayloadBytes];
    private readonly byte[] _reply = new byte[VhostUserHeader.Size + VhostUserHeader.MaxPayloadBytes];
    private readonly List<FileDescriptor> _descriptors = [];
    private int _received;
    private int _wanted = VhostUserHeader.Size;
    private bool _hasHeader;

    public FileDescriptor Socket => socket;

    public VhostUserHeader Header { get; private set; }

    public ReadOnlySpan<byte> Payload => _buffer.AsSpan(VhostUserHeader.Size, (int)Header.PayloadBytes);

    /// <summary>Descriptors that came with the message and nobody has taken.</summary>
    public int DescriptorCount => _descriptors.Count;

    /// <summary>Reads on until a message is whole.</summary>
    /// <param name="reason">Why the connection is over, after <see cref="OperationStatus.InvalidData"/>.</param>
    /// <returns>Done: a message is there until the next call. NeedMoreData: wait for readiness.</returns>
    public OperationStatus TryReceive(out string reason)
    {
        reason = "";
        if (_hasHeader && _received == _wanted)
        {
            Forget();
        }

        while (_received < _wanted)
        {
            PosixResult result = UnixSocket.Receive(socket, _buffer.AsSpan(_received, _wanted - _received), _descriptors);
            if (result.IsAgain)
            {
                return OperationStatus.NeedMoreData;
            }

            if (!result.IsSuccess || result.Value == 0)
            {
                reason = result.IsSuccess ? "the front-end hung up" : $"receiving failed: {result.Message}";
                return OperationStatus.InvalidData;
            }

            if (_descriptors.Count > UnixSocket.MaxDescriptors)
            {
                reason = $"more than {UnixSocket.MaxDescriptors} descriptors with one message";
                return OperationStatus.InvalidData;
            }

            _received += (int)result.Value;
            if (_received == _wanted && !_hasHeader)
            {
                if (!VhostUserHeader.TryRead(_buffer, out VhostUserHeader header))
                {
                    reason = $"not a vhost-user message: request {header.Request}, flags 0x{header.Flags:x}, {header.PayloadBytes} bytes";
                    return OperationStatus.InvalidData;
                }

                Header = header;
                _hasHeader = true;
                _wanted += (int)header.PayloadBytes;
            }
        }

        return OperationStatus.Done;
    }

    /// <summary>The next descriptor of the message, now the caller's. Null when there is none left.</summary>
    public FileDescriptor? TakeDescriptor()
    {
        if (_descriptors.Count == 0)
        {
            return null;
        }

        FileDescriptor first = _descriptors[0];
        _descriptors.RemoveAt(0);
        return first;
    }

    /// <summary>Room for the payload of a reply.</summary>
    public Span<byte> ReplyPayload => _reply.AsSpan(VhostUserHeader.Size);

    /// <summary>Answers the current message with the first bytes of <see cref="ReplyPayload"/>.</summary>
    /// <returns>False when the front-end does not take it: nobody who asks and does not read is worth waiting for.</returns>
    public bool Reply(int payloadBytes)
    {
        VhostUserHeader.Reply(Header.Request, payloadBytes).Write(_reply);
        int length = VhostUserHeader.Size + payloadBytes;
        PosixResult sent = UnixSocket.Send(socket, _reply.AsSpan(0, length));
        return sent.IsSuccess && sent.Value == length;
    }

    public void Dispose()
    {
        Forget();
        socket.Dispose();
    }

    private void Forget()
    {
        foreach (FileDescriptor descriptor in _descriptors)
        {
            descriptor.Dispose();
        }

        _descriptors.Clear();
        _received = 0;
        _wanted = VhostUserHeader.Size;
        _hasHeader = false;
    }
}
