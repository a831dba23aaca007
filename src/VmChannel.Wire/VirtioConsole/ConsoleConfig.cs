using System.Buffers.Binary;

namespace VmChannel.Wire.VirtioConsole;

/// <summary>The console's configuration space: 12 bytes, little-endian.</summary>
/// <remarks>VIRTIO 1.3 §5.3.4, <c>struct virtio_console_config</c>. emerg_wr reads as zero.</remarks>
public readonly record struct ConsoleConfig(ushort Columns, ushort Rows, uint MaxPorts)
{
    public const int Size = 12;

    /// <summary>Offset of emerg_wr, which the driver writes.</summary>
    public const int EmergencyWriteOffset = 8;

    public void Write(Span<byte> destination)
    {
        BinaryPrimitives.WriteUInt16LittleEndian(destination, Columns);
        BinaryPrimitives.WriteUInt16LittleEndian(destination[2..], Rows);
        BinaryPrimitives.WriteUInt32LittleEndian(destination[4..], MaxPorts);
        BinaryPrimitives.WriteUInt32LittleEndian(destination[8..], 0);
    }
}
