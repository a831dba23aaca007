using VmChannel.Native;

namespace VmChannel.Device.UsbSerial;

/// <summary>Packets on their way to a peer, in one piece of memory: what a host end gives is read straight into it.</summary>
internal sealed class SendBuffer
{
    private const int Size = 256 * 1024;

    /// <summary>
    /// Room that data leaves for what else has to be said: every transfer that waits may end at once, and each request is answered.
    /// Nothing is read from a peer while less is free, so there always is room for an answer.
    /// </summary>
    private const int Reserve = 32 * 1024;

    private readonly PinnedBuffer _buffer = new(Size);
    private int _head;
    private int _tail;

    /// <summary>Bytes that wait.</summary>
    public int Count => _tail - _head;

    /// <summary>There is room for the answers to whatever comes next.</summary>
    public bool HasReserve => Size - Count >= 2 * Reserve;

    public PinnedBuffer Buffer => _buffer;

    /// <summary>There is room for a packet with data, and its place.</summary>
    public bool TryReserve(int bytes, out int offset)
    {
        offset = 0;
        if (Size - Count < bytes + Reserve)
        {
            return false;
        }

        offset = Place(bytes);
        return true;
    }

    /// <summary>Room for a small packet; there always is.</summary>
    public Span<byte> Add(int bytes)
    {
        int offset = Place(bytes);
        _tail += bytes;
        return _buffer.Span.Slice(offset, bytes);
    }

    /// <summary>What was put into the reserved place is a packet.</summary>
    public void Commit(int bytes) => _tail += bytes;

    /// <summary>Sends what there is.</summary>
    public PosixResult Send(FileDescriptor socket)
    {
        PosixResult result = UnixSocket.Send(socket, _buffer.Span[_head.._tail]);
        if (result.IsSuccess)
        {
            _head += (int)result.Value;
            if (_head == _tail)
            {
                (_head, _tail) = (0, 0);
            }
        }

        return result;
    }

    private int Place(int bytes)
    {
        if (Size - _tail < bytes)
        {
            _buffer.Span[_head.._tail].CopyTo(_buffer.Span);
            (_head, _tail) = (0, Count);
        }

        return _tail;
    }
}
