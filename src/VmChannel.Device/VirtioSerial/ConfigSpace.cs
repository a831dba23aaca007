using VmChannel.Native;
using VmChannel.Wire.VirtioConsole;

namespace VmChannel.Device.VirtioSerial;

/// <summary>The device's configuration space as a driver reads and writes it. Loop thread only.</summary>
/// <param name="conversation">Knows the console's size and the room for ports.</param>
/// <param name="ports">All numbers of the device.</param>
internal sealed class ConfigSpace(DriverConversation conversation, SerialPort[] ports)
{
    private readonly PinnedBuffer _emergency = new(1);

    /// <summary>Bytes past its end are zero: a failed read would end some VMMs.</summary>
    public void Read(int offset, Span<byte> destination)
    {
        Span<byte> space = stackalloc byte[ConsoleConfig.Size];
        new ConsoleConfig(conversation.Size.Columns, conversation.Size.Rows, (uint)conversation.Room).Write(space);
        destination.Clear();
        if (offset < space.Length)
        {
            space[offset..Math.Min(space.Length, offset + destination.Length)].CopyTo(destination);
        }
    }

    /// <summary>The driver wrote: a character for an emergency, if any.</summary>
    /// <remarks>QEMU always writes all of it, so only a non-zero emerg_wr is one.</remarks>
    public void Write(int offset, ReadOnlySpan<byte> source)
    {
        int at = ConsoleConfig.EmergencyWriteOffset - offset;
        if (at >= 0 && at < source.Length && source[at] != 0 && ports[0].Port is { Spec.IsConsole: true } console)
        {
            _emergency.Span[0] = source[at];
            _ = console.FromGuest([_emergency.Vector(0, 1)], 1);
        }
    }
}
