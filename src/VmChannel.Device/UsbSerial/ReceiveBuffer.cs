using VmChannel.Native;

namespace VmChannel.Device.UsbSerial;

/// <summary>A peer's packets, out of a stream that may deliver them in any pieces.</summary>
/// <remarks>It grows to the largest packet that came, which the protocol's cap bounds, and is not moved or filled while a packet is looked at.</remarks>
internal sealed class ReceiveBuffer
{
    private const int FirstBytes = 64 * 1024;

    private PinnedBuffer _buffer = new(FirstBytes);
    private int _size = FirstBytes;
    private int _head;
    private int _tail;

    /// <summary>Has the bytes of the last packet taken, until the next <see cref="MakeRoom"/> or <see cref="Fill"/>.</summary>
    public PinnedBuffer Buffer => _buffer;

    /// <summary>What was received and not taken.</summary>
    public ReadOnlySpan<byte> Unread => _buffer.Span[_head.._tail];

    /// <summary>Takes bytes from the front.</summary>
    /// <returns>Where in <see cref="Buffer"/> they end.</returns>
    public int Take(int bytes)
    {
        _head += bytes;
        return _head;
    }

    /// <summary>Reads what the socket has, as far as there is room.</summary>
    /// <param name="socket">The peer's.</param>
    /// <param name="isFull">There was no more room, so there may be more.</param>
    public PosixResult Fill(FileDescriptor socket, out bool isFull)
    {
        PosixResult result = socket.Read(_buffer.Span[_tail.._size]);
        _tail += result.IsSuccess ? (int)result.Value : 0;
        isFull = _tail == _size;
        return result;
    }

    /// <summary>Lets a packet of so many bytes fit behind what was taken.</summary>
    public void MakeRoom(int bytes)
    {
        int count = _tail - _head;
        if (bytes > _size)
        {
            int size = _size;
            while (size < bytes)
            {
                size *= 2;
            }

            PinnedBuffer larger = new(size);
            _buffer.Span.Slice(_head, count).CopyTo(larger.Span);
            (_buffer, _size, _head, _tail) = (larger, size, 0, count);
        }
        else if (count == 0 || _size - _head < bytes)
        {
            _buffer.Span.Slice(_head, count).CopyTo(_buffer.Span);
            (_head, _tail) = (0, count);
        }
    }
}
