using System.IO.Pipelines;

namespace VmChannel.Guest;

/// <summary>Both directions of a stream as pipes. Completing them leaves the stream open.</summary>
internal sealed class ChannelPipe(ChannelStream stream) : IDuplexPipe
{
    public PipeReader Input { get; } = PipeReader.Create(stream, new(leaveOpen: true));

    public PipeWriter Output { get; } = PipeWriter.Create(stream, new(leaveOpen: true));
}
