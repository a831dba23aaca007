namespace VmChannel.Wire.VdAgent;

/// <summary>A message as <see cref="AgentMessageReader"/> hands it out, or a piece of one that it streams.</summary>
/// <param name="header">Its header.</param>
/// <param name="payload">Its bytes, valid until the next call of the reader; empty when skipped.</param>
/// <param name="isSkipped">The bytes were read past: longer than the reader's cap, or of another protocol.</param>
/// <param name="offset">Payload bytes handed out before these.</param>
public readonly ref struct AgentMessage(MessageHeader header, ReadOnlySpan<byte> payload, bool isSkipped, uint offset = 0)
{
    public MessageHeader Header { get; } = header;

    public ReadOnlySpan<byte> Payload { get; } = payload;

    public bool IsSkipped { get; } = isSkipped;

    public uint Offset { get; } = offset;

    /// <summary>No byte of this message follows.</summary>
    public bool IsLast => IsSkipped || Offset + (uint)Payload.Length == Header.PayloadBytes;
}
