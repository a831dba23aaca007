using System.Buffers;
using System.Buffers.Binary;
using CsCheck;
using VmChannel.Wire.VdAgent;
using Xunit;

namespace VmChannel.Wire.Tests.VdAgent;

public sealed class AgentMessageReaderTests
{
    private const int Cap = 64 * 1024;

    private static ReadOnlySpan<byte> ReleaseInOneChunk =>
    [
        0x01, 0x00, 0x00, 0x00,                         // port: VDP_CLIENT_PORT
        0x18, 0x00, 0x00, 0x00,                         // chunk size: 20 + 4
        0x01, 0x00, 0x00, 0x00,                         // protocol
        0x09, 0x00, 0x00, 0x00,                         // type: VD_AGENT_CLIPBOARD_RELEASE
        0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, // opaque
        0x04, 0x00, 0x00, 0x00,                         // size
        0x02, 0x00, 0x00, 0x00,                         // selection: SECONDARY, padding
    ];

    [Fact]
    public void TryRead_ByteByByte_YieldsTheMessageAtTheLastByte()
    {
        AgentMessageReader reader = new(Cap);
        for (int i = 0; i < ReleaseInOneChunk.Length; i++)
        {
            ReadOnlySpan<byte> input = ReleaseInOneChunk.Slice(i, 1);
            OperationStatus status = reader.TryRead(ref input, out AgentMessage message);
            bool isLast = i == ReleaseInOneChunk.Length - 1;
            Assert.Equal(isLast ? OperationStatus.Done : OperationStatus.NeedMoreData, status);
            if (isLast)
            {
                Assert.Equal(MessageType.ClipboardRelease, message.Header.Type);
                Assert.Equal(ReleaseInOneChunk[^4..], message.Payload);
                Assert.False(message.IsSkipped);
            }
        }
    }

    [Fact]
    public void Writer_AnyMessage_ComesOutOfTheReaderHoweverItIsCut() =>
        Gen.Select(Gen.Byte.Array[0, 12], Gen.Byte.Array[0, 9000], Gen.Int[1, 5000]).Sample((fields, data, cut) =>
        {
            ArrayBufferWriter<byte> stream = new();
            for (int i = 0; i < 2; i++)
            {
                AgentMessageWriter writer = new(MessageType.ClipboardData, fields, data.Length);
                ReadOnlySpan<byte> left = data;
                while (!writer.IsDone)
                {
                    int before = stream.WrittenCount;
                    writer.WriteChunk(stream, ref left);
                    Assert.True(stream.WrittenCount - before <= ChunkHeader.Size + ChunkHeader.MaxBytesToGuest);
                }
            }

            AgentMessageReader reader = new(Cap);
            int whole = 0;
            foreach (byte[] piece in stream.WrittenSpan.ToArray().Chunk(cut))
            {
                ReadOnlySpan<byte> rest = piece;
                while (reader.TryRead(ref rest, out AgentMessage message) == OperationStatus.Done)
                {
                    Assert.Equal([.. fields, .. data], message.Payload);
                    whole++;
                }

                Assert.True(rest.IsEmpty);
            }

            Assert.Equal(2, whole);
        });

    [Fact]
    public void Writer_DataThatComesBitByBit_MakesTheSameMessage() =>
        Gen.Select(Gen.Byte.Array[0, 32], Gen.Byte.Array[0, 9000], Gen.Int[1, 5000]).Sample((fields, data, atHand) =>
        {
            ArrayBufferWriter<byte> stream = new();
            int taken = 0;
            bool isDone = false;
            while (!isDone)
            {
                AgentMessageWriter writer = new(MessageType.ClipboardData, fields, data.Length, taken);
                ReadOnlySpan<byte> left = data.AsSpan(writer.DataTaken, Math.Min(atHand, data.Length - writer.DataTaken));
                writer.WriteChunk(stream, ref left);
                taken = writer.Taken;
                isDone = writer.IsDone;
            }

            ReadOnlySpan<byte> input = stream.WrittenSpan;
            Assert.Equal(OperationStatus.Done, new AgentMessageReader(Cap).TryRead(ref input, out AgentMessage message));
            Assert.Equal([.. fields, .. data], message.Payload);
            Assert.True(input.IsEmpty);
        });

    [Fact]
    public void Reader_StreamedKind_ComesInPiecesWithoutACopyOfItsLength() =>
        Gen.Select(Gen.Byte.Array[0, 12], Gen.Byte.Array[0, 9000], Gen.Int[1, 5000]).Sample((fields, data, cut) =>
        {
            ArrayBufferWriter<byte> stream = new();
            for (int i = 0; i < 2; i++)
            {
                AgentMessageWriter writer = new(MessageType.ClipboardData, fields, data.Length);
                ReadOnlySpan<byte> left = data;
                while (!writer.IsDone)
                {
                    writer.WriteChunk(stream, ref left);
                }
            }

            stream.Write(ReleaseInOneChunk);
            byte[] whole = [.. fields, .. data];
            AgentMessageReader reader = new(maxPayloadBytes: 16, streamed: MessageType.ClipboardData);
            List<byte> received = [];
            int ends = 0;
            foreach (byte[] piece in stream.WrittenSpan.ToArray().Chunk(cut))
            {
                ReadOnlySpan<byte> rest = piece;
                while (reader.TryRead(ref rest, out AgentMessage message) == OperationStatus.Done)
                {
                    if (message.Header.Type == MessageType.ClipboardRelease)
                    {
                        Assert.Equal(2, ends);
                        ends++;
                        continue;
                    }

                    Assert.Equal((uint)received.Count, message.Offset);
                    Assert.True(message.Offset > 0 || message.Payload.Length == Math.Min(AgentMessageReader.StreamedHeadBytes, whole.Length));
                    received.AddRange(message.Payload);
                    if (message.IsLast)
                    {
                        Assert.Equal(whole, received);
                        received.Clear();
                        ends++;
                    }
                }
            }

            Assert.Equal(3, ends);
            Assert.True(reader.HeldBytes <= 4096);
        });

    [Fact]
    public void TryRead_ChunkForTheServer_IsPassedOver()
    {
        byte[] stream = [.. ReleaseInOneChunk, .. ReleaseInOneChunk];
        stream[0] = (byte)ChunkPort.Server;
        Assert.Equal(1, Count(stream, out OperationStatus status, out _));
        Assert.Equal(OperationStatus.NeedMoreData, status);
    }

    [Theory]
    [InlineData(0u)]
    [InlineData(3u)]
    [InlineData(uint.MaxValue)]
    public void TryRead_ChunkForNobody_IsOutOfStep(uint port)
    {
        byte[] stream = [.. ReleaseInOneChunk];
        BinaryPrimitives.WriteUInt32LittleEndian(stream, port);
        Assert.Equal(0, Count(stream, out OperationStatus status, out _));
        Assert.Equal(OperationStatus.InvalidData, status);
    }

    [Theory]
    [InlineData(4)]
    [InlineData(24)]
    public void TryRead_LengthOf4GiB_IsOutOfStepAndAllocatesNothing(int offset)
    {
        byte[] stream = [.. ReleaseInOneChunk];
        BinaryPrimitives.WriteUInt32LittleEndian(stream.AsSpan(offset), uint.MaxValue);
        Assert.Equal(0, Count(stream, out OperationStatus status, out int held));
        Assert.Equal(OperationStatus.InvalidData, status);
        Assert.Equal(0, held);
    }

    [Fact]
    public void TryRead_ChunkLongerThanItsMessage_YieldsItAndIsOutOfStep()
    {
        byte[] stream = [.. ReleaseInOneChunk, 0x00];
        stream[4]++;
        Assert.Equal(1, Count(stream, out OperationStatus status, out _));
        Assert.Equal(OperationStatus.InvalidData, status);
    }

    [Fact]
    public void TryRead_MessageOverTheCap_IsSkippedAndTheNextIsRead()
    {
        byte[] longOne = new byte[28 + Cap + 1];
        ReleaseInOneChunk[..28].CopyTo(longOne);
        BinaryPrimitives.WriteUInt32LittleEndian(longOne.AsSpan(4), (uint)longOne.Length - 8);
        BinaryPrimitives.WriteUInt32LittleEndian(longOne.AsSpan(24), Cap + 1);
        AgentMessageReader reader = new(Cap);
        ReadOnlySpan<byte> rest = (byte[])[.. longOne, .. ReleaseInOneChunk];
        Assert.Equal(OperationStatus.Done, reader.TryRead(ref rest, out AgentMessage first));
        Assert.True(first.IsSkipped);
        Assert.True(first.Payload.IsEmpty);
        Assert.Equal(0, reader.HeldBytes);
        Assert.Equal(OperationStatus.Done, reader.TryRead(ref rest, out AgentMessage second));
        Assert.False(second.IsSkipped);
    }

    [Fact]
    public void TryRead_ClaimWithoutBytes_HoldsLittle()
    {
        byte[] stream = [.. ReleaseInOneChunk];
        BinaryPrimitives.WriteUInt32LittleEndian(stream.AsSpan(4), Cap + 20);
        BinaryPrimitives.WriteUInt32LittleEndian(stream.AsSpan(24), Cap);
        Assert.Equal(0, Count(stream, out OperationStatus status, out int held));
        Assert.Equal(OperationStatus.NeedMoreData, status);
        Assert.True(held <= 4096);
    }

    [Fact]
    public void TryRead_OtherProtocol_IsSkipped()
    {
        byte[] stream = [.. ReleaseInOneChunk];
        stream[8] = 2;
        ReadOnlySpan<byte> rest = stream;
        Assert.Equal(OperationStatus.Done, new AgentMessageReader(Cap).TryRead(ref rest, out AgentMessage message));
        Assert.True(message.IsSkipped);
    }

    private static int Count(ReadOnlySpan<byte> stream, out OperationStatus status, out int held)
    {
        AgentMessageReader reader = new(Cap);
        int count = 0;
        while ((status = reader.TryRead(ref stream, out _)) == OperationStatus.Done)
        {
            count++;
        }

        held = reader.HeldBytes;
        return count;
    }
}
