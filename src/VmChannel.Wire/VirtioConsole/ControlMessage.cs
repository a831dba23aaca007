using System.Buffers.Binary;

namespace VmChannel.Wire.VirtioConsole;

/// <summary>Kind of control message (wire field <c>event</c>).</summary>
/// <remarks>VIRTIO 1.3 §5.3.6.2. A peer may send any value: cast and switch, with a default arm.</remarks>
public enum ControlEvent : ushort
{
    /// <summary>Driver to device: value 1 = ready for control messages, 0 = failed. VIRTIO_CONSOLE_DEVICE_READY.</summary>
    DeviceReady = 0,

    /// <summary>Device to driver: a port now exists. VIRTIO_CONSOLE_DEVICE_ADD (Linux: PORT_ADD).</summary>
    PortAdd = 1,

    /// <summary>Device to driver: the port is gone. VIRTIO_CONSOLE_DEVICE_REMOVE (Linux: PORT_REMOVE).</summary>
    PortRemove = 2,

    /// <summary>Driver to device: value 1 = the port can be used, 0 = failed. VIRTIO_CONSOLE_PORT_READY.</summary>
    PortReady = 3,

    /// <summary>Device to driver: the port is a console. Driver to device with value 1: it became one. VIRTIO_CONSOLE_CONSOLE_PORT.</summary>
    ConsolePort = 4,

    /// <summary>Device to driver, followed by two u16: the console's size. VIRTIO_CONSOLE_RESIZE.</summary>
    Resize = 5,

    /// <summary>Both ways: value 1 = opened, 0 = closed. VIRTIO_CONSOLE_PORT_OPEN.</summary>
    PortOpen = 6,

    /// <summary>Device to driver, followed by the name. VIRTIO_CONSOLE_PORT_NAME.</summary>
    PortName = 7,
}

/// <summary>One message on a control queue: 8 bytes, little-endian, optionally followed by event-specific bytes.</summary>
/// <remarks>VIRTIO 1.3 §5.3.6.2, <c>struct virtio_console_control</c>.</remarks>
public readonly record struct ControlMessage(uint PortId, ControlEvent Event, ushort Value)
{
    public const int Size = 8;

    public static bool TryRead(ReadOnlySpan<byte> source, out ControlMessage message)
    {
        if (source.Length < Size)
        {
            message = default;
            return false;
        }

        message = new(
            BinaryPrimitives.ReadUInt32LittleEndian(source),
            (ControlEvent)BinaryPrimitives.ReadUInt16LittleEndian(source[4..]),
            BinaryPrimitives.ReadUInt16LittleEndian(source[6..]));
        return true;
    }

    public void Write(Span<byte> destination)
    {
        BinaryPrimitives.WriteUInt32LittleEndian(destination, PortId);
        BinaryPrimitives.WriteUInt16LittleEndian(destination[4..], (ushort)Event);
        BinaryPrimitives.WriteUInt16LittleEndian(destination[6..], Value);
    }
}
