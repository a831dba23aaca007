using VmChannel.Device.Channels;
using VmChannel.Native;

namespace VmChannel.Device.Services;

/// <summary>Takes everything a guest writes and looks at none of it: for measuring a channel. Loop thread only.</summary>
public sealed class SinkEnd : HostEnd
{
    public override bool HasInput => false;

    public override string Description => "service sink";

    /// <summary>Bytes taken so far.</summary>
    public long TakenBytes { get; private set; }

    public override long Write(ReadOnlySpan<IoVector> source)
    {
        long length = IoVector.Sum(source);
        TakenBytes += length;
        return length;
    }

    public override long Read(ReadOnlySpan<IoVector> destination) => 0;

    protected override void OnStart() => SetOpen(true, null);
}
