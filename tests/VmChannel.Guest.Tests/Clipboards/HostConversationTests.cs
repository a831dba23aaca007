using System.Buffers;
using VmChannel.GuestTool.Clipboards;
using VmChannel.Wire.VdAgent;
using Xunit;

namespace VmChannel.Guest.Tests.Clipboards;

public sealed class HostConversationTests : IDisposable
{
    private const AgentCapabilities Shared = AgentCapabilities.ClipboardByDemand | AgentCapabilities.ClipboardSelection | AgentCapabilities.ClipboardGrabSerial;
    private const int MaxBytes = 1000;

    private readonly RecordedDesktop _desktop = new();
    private readonly HostConversation _conversation;

    public HostConversationTests()
    {
        _conversation = new(_desktop, MaxBytes, files: null);
        byte[] capabilities = new byte[CapabilitiesMessage.Size];
        new CapabilitiesMessage(IsRequest: true, Shared).Write(capabilities);
        Receive(MessageType.AnnounceCapabilities, capabilities);
        Assert.Equal(MessageType.AnnounceCapabilities, _conversation.Take()?.Type);
        Assert.Equal(MessageType.AnnounceCapabilities, _conversation.Take()?.Type);
        Assert.Null(_conversation.Take());
    }

    public void Dispose()
    {
        _conversation.Dispose();
        _desktop.Dispose();
    }

    [Fact]
    public async Task Paste_OfWhatTheHostCopied_AsksAndGetsIt()
    {
        HostGrabs(0);
        Task<byte[]?> paste = _desktop.PasteAsync(ClipboardSelection.Clipboard);
        Assert.Equal(MessageType.ClipboardRequest, _conversation.Take()?.Type);
        Answer("hello"u8.ToArray());
        Assert.Equal("hello"u8.ToArray(), await paste);
    }

    [Fact]
    public async Task Answer_LongerThanTheLimit_IsNoneAndTheNextComes()
    {
        HostGrabs(0);
        Task<byte[]?> first = _desktop.PasteAsync(ClipboardSelection.Clipboard);
        Task<byte[]?> second = _desktop.PasteAsync(ClipboardSelection.Clipboard);
        _ = _conversation.Take();
        Assert.Null(_conversation.Take()); // one question at a time
        Answer(new byte[MaxBytes + 1]);
        Assert.Null(await first);
        Assert.Equal(MessageType.ClipboardRequest, _conversation.Take()?.Type);
        Answer(new byte[MaxBytes]);
        Assert.Equal(MaxBytes, (await second)?.Length);
    }

    [Fact]
    public void BothCopyAtOnce_TheHostHasIt()
    {
        _desktop.Copy(ClipboardSelection.Clipboard, "a program's"u8.ToArray());
        HostMessage ours = Assert.IsType<HostMessage>(_conversation.Take());
        Assert.True(ClipboardGrab.TryRead(ours.Fields, Shared, out ClipboardGrab grab));
        Assert.Equal(0u, grab.Serial);
        HostGrabs(0);
        Assert.True(_desktop.IsOffering(ClipboardSelection.Clipboard));
        _desktop.Copy(ClipboardSelection.Clipboard, "a program's again"u8.ToArray());
        Assert.True(ClipboardGrab.TryRead(_conversation.Take()?.Fields, Shared, out grab));
        Assert.Equal(1u, grab.Serial);
    }

    /// <summary>The host's grab was made before it heard of either of ours, and the second of them wins there.</summary>
    [Fact]
    public void HostGrab_OlderThanOurs_IsPassedOver()
    {
        _desktop.Copy(ClipboardSelection.Clipboard, [1]);
        _ = _conversation.Take();
        _desktop.Copy(ClipboardSelection.Clipboard, [2]);
        _ = _conversation.Take();
        HostGrabs(0);
        Assert.False(_desktop.IsOffering(ClipboardSelection.Clipboard));
    }

    [Fact]
    public void Host_BeginsAnew_HearsWhatIsHere()
    {
        _desktop.Copy(ClipboardSelection.Primary, [1]);
        Assert.Equal(MessageType.ClipboardGrab, _conversation.Take()?.Type);
        byte[] capabilities = new byte[CapabilitiesMessage.Size];
        new CapabilitiesMessage(IsRequest: true, Shared).Write(capabilities);
        Receive(MessageType.AnnounceCapabilities, capabilities);
        Assert.Equal(MessageType.AnnounceCapabilities, _conversation.Take()?.Type);
        Assert.True(ClipboardGrab.TryRead(_conversation.Take()?.Fields, Shared, out ClipboardGrab grab));
        Assert.Equal((ClipboardSelection.Primary, 0u), (grab.Selection, grab.Serial));
    }

    [Fact]
    public void File_NotWanted_IsRefusedAtOnce()
    {
        Receive(MessageType.FileTransferStart, new FileTransferStart(7, "a.txt", 5).ToBytes());
        HostMessage answer = Assert.IsType<HostMessage>(_conversation.Take());
        Assert.True(FileTransferStatus.TryRead(answer.Fields, out FileTransferStatus status));
        Assert.Equal((MessageType.FileTransferStatus, new(7, FileTransferResult.Disabled)), (answer.Type, status));
    }

    private void HostGrabs(uint serial)
    {
        byte[] fields = new byte[ClipboardGrab.MaxSize];
        Receive(MessageType.ClipboardGrab, fields[..new ClipboardGrab(ClipboardSelection.Clipboard, serial, ClipboardTypes.Utf8Text).Write(fields, Shared)]);
    }

    private void Answer(byte[] data)
    {
        byte[] fields = new byte[ClipboardRequest.MaxSize];
        _ = new ClipboardRequest(ClipboardSelection.Clipboard, ClipboardType.Utf8Text).Write(fields, Shared);
        Receive(MessageType.ClipboardData, [.. fields, .. data]);
    }

    private void Receive(MessageType type, byte[] payload)
    {
        byte[] message = new byte[ChunkHeader.Size + MessageHeader.Size + payload.Length];
        new ChunkHeader(ChunkPort.Client, (uint)(MessageHeader.Size + payload.Length)).Write(message);
        new MessageHeader(MessageHeader.CurrentProtocol, type, 0, (uint)payload.Length).Write(message.AsSpan(ChunkHeader.Size));
        payload.CopyTo(message, ChunkHeader.Size + MessageHeader.Size);
        AgentMessageReader reader = new(HostConversation.MaxPayloadBytes, MessageType.ClipboardData);
        ReadOnlySpan<byte> input = message;
        while (reader.TryRead(ref input, out AgentMessage read) == OperationStatus.Done)
        {
            _conversation.Receive(read);
        }
    }
}
