using System.Buffers.Binary;
using VmChannel.Wire.VdAgent;
using Xunit;

namespace VmChannel.Device.Tests.Services;

/// <summary>A guest's clipboard agent as spice-vdagentd speaks: whole messages in one chunk, serials counted as it counts them.</summary>
internal sealed class GuestAgent(HostEndDriver guest)
{
    private const uint AllCapabilities = 0x0003_8D67;
    private uint _serial;

    /// <summary>Opens the port, and shakes hands as the daemon does.</summary>
    public async Task OpenAsync(uint maxBytes = 64 * 1024 * 1024)
    {
        await guest.SetGuestOpenAsync(true);
        await SendAsync(MessageType.AnnounceCapabilities, Words(1, AllCapabilities));
        byte[] first = await ExpectAsync(MessageType.AnnounceCapabilities);
        Assert.Equal(Words(1, 0x0002_4060), first);
        _serial = 0;
        await SendAsync(MessageType.AnnounceCapabilities, Words(0, AllCapabilities));
        Assert.Equal(Words(0, 0x0002_4060), await ExpectAsync(MessageType.AnnounceCapabilities));
        Assert.Equal(Words(maxBytes), await ExpectAsync(MessageType.MaxClipboard));
    }

    /// <summary>The guest's user copies.</summary>
    public Task GrabAsync(params uint[] types)
        => SendAsync(MessageType.ClipboardGrab, Words(0, _serial++), Words(types.Length == 0 ? [1] : types));

    /// <summary>Waits for the host's grab. True when the guest's daemon would take it.</summary>
    public async Task<bool> TakeGrabAsync(uint type = 1)
    {
        byte[] payload = await ExpectAsync(MessageType.ClipboardGrab);
        Assert.Equal(12, payload.Length);
        Assert.Equal(Words(type), payload[8..]);
        uint serial = BinaryPrimitives.ReadUInt32LittleEndian(payload.AsSpan(4));
        bool isNext = serial == _serial;
        _serial += isNext ? 1u : 0u;
        return isNext || serial == _serial - 1;
    }

    public Task SendAsync(MessageType type, params byte[][] payload)
    {
        byte[] all = payload.SelectMany(part => part).ToArray();
        byte[] head = new byte[ChunkHeader.Size + MessageHeader.Size];
        new ChunkHeader(ChunkPort.Client, (uint)(MessageHeader.Size + all.Length)).Write(head);
        new MessageHeader(1, type, 0, (uint)all.Length).Write(head.AsSpan(ChunkHeader.Size));
        return guest.WriteAsync((byte[])[.. head, .. all]);
    }

    /// <summary>The next message of the host, put together from chunks that the daemon would accept.</summary>
    public async Task<byte[]> ExpectAsync(MessageType type)
    {
        List<byte> bytes = [];
        MessageHeader header = default;
        do
        {
            Assert.True(ChunkHeader.TryRead(await guest.ReadExactlyAsync(ChunkHeader.Size), out ChunkHeader chunk));
            Assert.Equal(ChunkPort.Client, chunk.Port);
            Assert.InRange(chunk.Bytes, 1u, 2048u);
            bytes.AddRange(await guest.ReadExactlyAsync((int)chunk.Bytes));
            _ = MessageHeader.TryRead(bytes.ToArray(), out header);
        }
        while (bytes.Count < MessageHeader.Size + (int)header.PayloadBytes);

        Assert.Equal(type, header.Type);
        Assert.Equal(1u, header.Protocol);
        return bytes.Skip(MessageHeader.Size).ToArray();
    }

    public static byte[] Words(params uint[] words)
    {
        byte[] bytes = new byte[words.Length * 4];
        for (int i = 0; i < words.Length; i++)
        {
            BinaryPrimitives.WriteUInt32LittleEndian(bytes.AsSpan(i * 4), words[i]);
        }

        return bytes;
    }
}
