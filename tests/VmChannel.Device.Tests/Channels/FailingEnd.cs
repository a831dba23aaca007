using VmChannel.Device.Channels;
using VmChannel.Native;

namespace VmChannel.Device.Tests.Channels;

/// <summary>A host end that cannot start.</summary>
internal sealed class FailingEnd : HostEnd
{
    public override string Description => "failing";

    public bool IsDisposed { get; private set; }

    public override long Write(ReadOnlySpan<IoVector> source) => 0;

    public override long Read(ReadOnlySpan<IoVector> destination) => 0;

    protected override void OnStart() => throw new HostEndException("it cannot");

    protected override void Dispose(bool disposing)
    {
        IsDisposed = true;
        base.Dispose(disposing);
    }
}
