using System.Buffers.Binary;
using System.Globalization;
using System.Text;

namespace VmChannel.Wire.VdAgent;

/// <summary>How a file transfer goes (wire field <c>result</c>). A peer may send any value.</summary>
/// <remarks>spice-protocol <c>vd_agent.h</c>, VD_AGENT_FILE_XFER_STATUS_*.</remarks>
public enum FileTransferResult : uint
{
    /// <summary>From the guest: it waits for the data.</summary>
    CanSendData = 0,

    /// <summary>Both ways: it is not wanted any more.</summary>
    Cancelled = 1,

    /// <summary>Both ways: it failed.</summary>
    Error = 2,

    /// <summary>From the guest: all of the file is there.</summary>
    Success = 3,

    /// <summary>From the guest: its disk is too full. Needs <see cref="AgentCapabilities.FileTransferDetailedErrors"/>, as the later ones do.</summary>
    NotEnoughSpace = 4,

    /// <summary>From the guest: its screen is locked.</summary>
    SessionLocked = 5,

    /// <summary>From the guest: nobody is logged in who has an agent.</summary>
    AgentNotConnected = 6,

    /// <summary>From the guest: it does not take files.</summary>
    Disabled = 7,
}

/// <summary>Payload of <see cref="MessageType.FileTransferStatus"/>: id, result; details may follow.</summary>
public readonly record struct FileTransferStatus(uint Id, FileTransferResult Result)
{
    public const int Size = 8;

    public static bool TryRead(ReadOnlySpan<byte> payload, out FileTransferStatus status)
    {
        status = default;
        if (payload.Length < Size)
        {
            return false;
        }

        status = new(BinaryPrimitives.ReadUInt32LittleEndian(payload), (FileTransferResult)BinaryPrimitives.ReadUInt32LittleEndian(payload[4..]));
        return true;
    }

    public byte[] ToBytes()
    {
        byte[] bytes = new byte[Size];
        BinaryPrimitives.WriteUInt32LittleEndian(bytes, Id);
        BinaryPrimitives.WriteUInt32LittleEndian(bytes.AsSpan(4), (uint)Result);
        return bytes;
    }
}

/// <summary>What precedes the bytes of a <see cref="MessageType.FileTransferData"/>: id, and how many there are, twice as long as it need be.</summary>
public readonly record struct FileTransferData(uint Id, ulong Bytes)
{
    public const int Size = 12;

    /// <summary>Takes it off a payload; what is left are the file's bytes. False when there are not as many as it says.</summary>
    public static bool TryTake(ref ReadOnlySpan<byte> payload, out FileTransferData head)
    {
        head = default;
        if (payload.Length < Size)
        {
            return false;
        }

        head = new(BinaryPrimitives.ReadUInt32LittleEndian(payload), BinaryPrimitives.ReadUInt64LittleEndian(payload[4..]));
        payload = payload[Size..];
        return head.Bytes == (ulong)payload.Length;
    }

    public byte[] ToBytes()
    {
        byte[] bytes = new byte[Size];
        BinaryPrimitives.WriteUInt32LittleEndian(bytes, Id);
        BinaryPrimitives.WriteUInt64LittleEndian(bytes.AsSpan(4), Bytes);
        return bytes;
    }
}

/// <summary>Payload of <see cref="MessageType.FileTransferStart"/>: id, then a key file that ends with a NUL: group <c>vdagent-file-xfer</c>, keys
/// <c>name</c> and <c>size</c>.</summary>
/// <param name="Id">Names the transfer in later messages.</param>
/// <param name="Name">What the sender calls the file: anything.</param>
/// <param name="Bytes">Its length.</param>
/// <remarks>spice-protocol <c>vd_agent.h</c>; key files as GLib's <c>GKeyFile</c> writes them.</remarks>
public readonly record struct FileTransferStart(uint Id, string Name, ulong Bytes)
{
    /// <summary>The longest payload that is looked at.</summary>
    public const int MaxSize = 2048;

    private const string Group = "[vdagent-file-xfer]";

    public static bool TryRead(ReadOnlySpan<byte> payload, out FileTransferStart start)
    {
        start = default;
        if (payload.Length is < sizeof(uint) or > MaxSize)
        {
            return false;
        }

        string? name = null;
        ulong? bytes = null;
        string text = Encoding.UTF8.GetString(payload[sizeof(uint)..]).Split('\0')[0];
        foreach (string line in text.Split('\n'))
        {
            (string key, string value) = line.Split('=', 2) is [string left, string right] ? (left.TrimEnd(), right.TrimStart()) : ("", "");
            name = key == "name" ? Unescape(value) : name;
            bytes = key == "size" && ulong.TryParse(value, NumberStyles.None, CultureInfo.InvariantCulture, out ulong parsed) ? parsed : bytes;
        }

        start = new(BinaryPrimitives.ReadUInt32LittleEndian(payload), name ?? "", bytes ?? 0);
        return name is not null && bytes is not null && text.StartsWith(Group, StringComparison.Ordinal);
    }

    public byte[] ToBytes()
    {
        string text = string.Create(CultureInfo.InvariantCulture, $"{Group}\nname={Escape(Name)}\nsize={Bytes}\n\0");
        byte[] bytes = new byte[sizeof(uint) + Encoding.UTF8.GetByteCount(text)];
        BinaryPrimitives.WriteUInt32LittleEndian(bytes, Id);
        _ = Encoding.UTF8.GetBytes(text, bytes.AsSpan(sizeof(uint)));
        return bytes;
    }

    private static string Escape(string value)
    {
        string escaped = value.Replace("\\", "\\\\", StringComparison.Ordinal).Replace("\n", "\\n", StringComparison.Ordinal)
            .Replace("\r", "\\r", StringComparison.Ordinal).Replace("\t", "\\t", StringComparison.Ordinal);
        return escaped.StartsWith(' ') ? "\\s" + escaped[1..] : escaped;
    }

    private static string Unescape(string value)
    {
        StringBuilder text = new(value.Length);
        for (int at = 0; at < value.Length; at++)
        {
            char character = value[at];
            if (character == '\\' && at + 1 < value.Length)
            {
                at++;
                character = value[at] switch { 's' => ' ', 'n' => '\n', 'r' => '\r', 't' => '\t', char other => other };
            }

            _ = text.Append(character);
        }

        return text.ToString();
    }
}
