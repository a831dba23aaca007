using VmChannel.Device.Channels;
using VmChannel.Native;

namespace VmChannel.Device.Chardevs;

/// <summary><c>null</c>: always there, takes everything, gives nothing.</summary>
public sealed class NullChardev : HostEnd
{
    public override bool HasInput => false;

    public override string Description => "null";

    public override long Write(ReadOnlySpan<IoVector> source) => IoVector.Sum(source);

    public override long Read(ReadOnlySpan<IoVector> destination) => 0;

    protected override void OnStart() => SetOpen(true, null);
}
