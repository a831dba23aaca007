using System.Buffers;
using System.Buffers.Text;
using System.Text.Json;

namespace VmChannel.Control.Agent;

/// <summary>What <c>guest-file-read</c> and <c>guest-file-write</c> return.</summary>
/// <param name="Count">Bytes read or written.</param>
/// <param name="IsEnd">The file's end was met.</param>
internal readonly record struct FileBlock(int Count, bool IsEnd)
{
    private static readonly JsonReaderOptions Reading = new() { MaxDepth = AgentMessage.MaxDepth };

    /// <param name="value">The object.</param>
    /// <param name="destination">Gets the bytes of a read.</param>
    /// <param name="block">How many, of both.</param>
    /// <returns>False when it is no such object, or has more than there is room for.</returns>
    public static bool TryRead(ReadOnlySpan<byte> value, Span<byte> destination, out FileBlock block)
    {
        block = default;
        int? count = null;
        int decoded = 0;
        bool isEnd = false;
        bool hasBytes = false;
        try
        {
            Utf8JsonReader json = new(value, Reading);
            if (!json.Read() || json.TokenType != JsonTokenType.StartObject)
            {
                return false;
            }

            while (json.Read() && json.TokenType == JsonTokenType.PropertyName)
            {
                if (json.ValueTextEquals("count"u8))
                {
                    count = json.Read() && json.TokenType == JsonTokenType.Number && json.TryGetInt32(out int number) ? number : -1;
                }
                else if (json.ValueTextEquals("eof"u8))
                {
                    isEnd = json.Read() && json.TokenType == JsonTokenType.True;
                }
                else if (json.ValueTextEquals("buf-b64"u8))
                {
                    hasBytes = true;
                    if (!json.Read() || json.TokenType != JsonTokenType.String || json.ValueIsEscaped
                        || Base64.DecodeFromUtf8(json.ValueSpan, destination, out _, out decoded) != OperationStatus.Done)
                    {
                        return false;
                    }
                }
                else
                {
                    _ = json.Read();
                }

                json.Skip();
            }
        }
        catch (JsonException)
        {
            return false;
        }

        block = new(count ?? -1, isEnd);
        return count >= 0 && (!hasBytes || count == decoded);
    }
}
