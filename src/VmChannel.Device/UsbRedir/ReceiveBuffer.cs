using System.Buffers;
using VmChannel.Native;
using VmChannel.Wire.UsbRedir;

namespace VmChannel.Device.UsbRedir;

/// <summary>Packets of a peer, whole, out of a stream that may deliver them in any pieces.</summary>
/// <remarks>It grows to the largest packet that came, which the protocol's cap bounds, and is not moved or filled while a packet is looked at.</remarks>
internal sealed class ReceiveBuffer
{
    private const int FirstBytes = 64 * 1024;

    private PinnedBuffer _buffer = new(FirstBytes);
    private int _size = FirstBytes;
    private int _head;
    private int _tail;

    /// <summary>Has the bytes of the last packet taken, until the next <see cref="Fill"/>.</summary>
    public PinnedBuffer Buffer => _buffer;

    /// <summary>Where the payload of the last packet begins.</summary>
    public int PayloadOffset { get; private set; }

    /// <summary>The payload of the last packet.</summary>
    public ReadOnlySpan<byte> Payload(in UsbRedirHeader header) => _buffer.Span.Slice(PayloadOffset, (int)header.PayloadBytes);

    /// <summary>Takes the next packet.</summary>
    /// <inheritdoc cref="UsbRedirHeader.TryTake"/>
    public OperationStatus TryTake(bool wideIds, out UsbRedirHeader header)
    {
        ReadOnlySpan<byte> input = _buffer.Span[_head.._tail];
        OperationStatus status = UsbRedirHeader.TryTake(ref input, wideIds, out header, out ReadOnlySpan<byte> payload);
        if (status == OperationStatus.Done)
        {
            _head = _tail - input.Length;
            PayloadOffset = _head - payload.Length;
        }
        else if (status == OperationStatus.NeedMoreData)
        {
            MakeRoom(UsbRedirHeader.WideSize + (int)header.PayloadBytes);
        }

        return status;
    }

    /// <summary>Reads what the socket has, as far as there is room.</summary>
    public PosixResult Fill(FileDescriptor socket)
    {
        PosixResult result = socket.Read(_buffer.Span[_tail.._size]);
        _tail += result.IsSuccess ? (int)result.Value : 0;
        return result;
    }

    /// <summary>Lets a packet of so many bytes fit behind what was taken.</summary>
    private void MakeRoom(int bytes)
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
