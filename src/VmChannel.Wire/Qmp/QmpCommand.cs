using System.Buffers;
using System.Text.Json;

namespace VmChannel.Wire.Qmp;

/// <summary>Writes commands as QEMU reads them: a JSON object in a line.</summary>
public static class QmpCommand
{
    /// <summary>Writes one.</summary>
    /// <param name="id">Comes back with the answer.</param>
    /// <param name="name">Such as <c>query-status</c>.</param>
    /// <param name="arguments">Writes the members of its arguments; null = it has none.</param>
    public static ReadOnlyMemory<byte> Write(long id, string name, Action<Utf8JsonWriter>? arguments)
    {
        ArrayBufferWriter<byte> buffer = new(256);
        using (Utf8JsonWriter writer = new(buffer))
        {
            writer.WriteStartObject();
            writer.WriteString("execute", name);
            writer.WriteNumber("id", id);
            if (arguments is not null)
            {
                writer.WriteStartObject("arguments");
                arguments(writer);
                writer.WriteEndObject();
            }

            writer.WriteEndObject();
        }

        buffer.Write("\n"u8);
        return buffer.WrittenMemory;
    }
}
