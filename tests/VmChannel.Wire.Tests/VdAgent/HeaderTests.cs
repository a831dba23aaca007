using CsCheck;
using VmChannel.Wire.VdAgent;
using Xunit;

namespace VmChannel.Wire.Tests.VdAgent;

public sealed class HeaderTests
{
    private static ReadOnlySpan<byte> ClientChunk =>
    [
        0x01, 0x00, 0x00, 0x00, // port: VDP_CLIENT_PORT
        0x1c, 0x00, 0x00, 0x00, // size
    ];

    private static ReadOnlySpan<byte> GrabHeader =>
    [
        0x01, 0x00, 0x00, 0x00,                         // protocol
        0x07, 0x00, 0x00, 0x00,                         // type: VD_AGENT_CLIPBOARD_GRAB
        0x08, 0x07, 0x06, 0x05, 0x04, 0x03, 0x02, 0x01, // opaque
        0x0c, 0x00, 0x00, 0x00,                         // size
    ];

    [Fact]
    public void TryRead_ChunkBytes_YieldsEveryField()
    {
        Assert.True(ChunkHeader.TryRead(ClientChunk, out ChunkHeader header));
        Assert.Equal(new ChunkHeader(ChunkPort.Client, 28), header);
    }

    [Fact]
    public void TryRead_MessageBytes_YieldsEveryField()
    {
        Assert.True(MessageHeader.TryRead(GrabHeader, out MessageHeader header));
        Assert.Equal(new MessageHeader(1, MessageType.ClipboardGrab, 0x0102030405060708, 12), header);
    }

    [Fact]
    public void TryRead_OneByteShort_ReturnsFalse()
    {
        Assert.False(ChunkHeader.TryRead(ClientChunk[..^1], out _));
        Assert.False(MessageHeader.TryRead(GrabHeader[..^1], out _));
    }

    [Fact]
    public void Chunk_WriteThenTryRead_IsIdentity() => Gen.Select(Gen.UInt, Gen.UInt).Sample((port, bytes) =>
    {
        byte[] buffer = new byte[ChunkHeader.Size];
        ChunkHeader header = new((ChunkPort)port, bytes);
        header.Write(buffer);
        return ChunkHeader.TryRead(buffer, out ChunkHeader read) && read == header;
    });

    [Fact]
    public void Message_WriteThenTryRead_IsIdentity() => Gen.Select(Gen.UInt, Gen.UInt, Gen.ULong, Gen.UInt).Sample((protocol, type, opaque, bytes) =>
    {
        byte[] buffer = new byte[MessageHeader.Size];
        MessageHeader header = new(protocol, (MessageType)type, opaque, bytes);
        header.Write(buffer);
        return MessageHeader.TryRead(buffer, out MessageHeader read) && read == header;
    });
}
