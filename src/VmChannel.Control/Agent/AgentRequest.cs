using System.Buffers;
using System.Buffers.Text;
using System.Text.Json;

namespace VmChannel.Control.Agent;

/// <summary>A command as the agent reads it: one object on a line.</summary>
internal sealed class AgentRequest
{
    private readonly ArrayBufferWriter<byte> _bytes = new();

    /// <summary>The bytes, until the next is begun.</summary>
    public ReadOnlyMemory<byte> Bytes => _bytes.WrittenMemory;

    /// <param name="command">Its name.</param>
    /// <param name="arguments">Writes its members; null = it has none.</param>
    /// <param name="id">What its answer is to carry; null = none.</param>
    public void Write(string command, Action<Utf8JsonWriter>? arguments, long? id)
    {
        _bytes.ResetWrittenCount();
        using (Utf8JsonWriter json = new(_bytes))
        {
            json.WriteStartObject();
            json.WriteString("execute"u8, command);
            if (arguments is not null)
            {
                json.WriteStartObject("arguments"u8);
                arguments(json);
                json.WriteEndObject();
            }

            if (id is long number)
            {
                json.WriteNumber("id"u8, number);
            }

            json.WriteEndObject();
        }

        _bytes.Write("\n"u8);
    }

    /// <summary>Has the agent forget half a command of an earlier client, and mark its answer.</summary>
    /// <remarks>qga/qapi-schema.json, guest-sync-delimited. The line end is for lexers that skip to the next one after a byte that is none of JSON's.</remarks>
    public void WriteSync(long id)
    {
        Write("guest-sync-delimited", json => json.WriteNumber("id"u8, id), null);
        byte[] command = _bytes.WrittenSpan.ToArray();
        _bytes.ResetWrittenCount();
        _bytes.Write([AgentLine.Sentinel, (byte)'\n']);
        _bytes.Write(command);
    }

    /// <summary>A command whose only long member is bytes, without a writer in between: this is a file on its way.</summary>
    public void WriteBlock(long handle, ReadOnlySpan<byte> bytes, long? id)
    {
        _bytes.ResetWrittenCount();
        _bytes.Write("{\"execute\":\"guest-file-write\",\"arguments\":{\"handle\":"u8);
        WriteNumber(handle);
        _bytes.Write(",\"buf-b64\":\""u8);
        _ = Base64.EncodeToUtf8(bytes, _bytes.GetSpan(Base64.GetMaxEncodedToUtf8Length(bytes.Length)), out _, out int written);
        _bytes.Advance(written);
        _bytes.Write("\"}"u8);
        if (id is long number)
        {
            _bytes.Write(",\"id\":"u8);
            WriteNumber(number);
        }

        _bytes.Write("}\n"u8);
    }

    private void WriteNumber(long number)
    {
        const int MostDigits = 20;
        _ = Utf8Formatter.TryFormat(number, _bytes.GetSpan(MostDigits), out int written);
        _bytes.Advance(written);
    }
}
