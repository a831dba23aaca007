using VmChannel.Device.Channels;
using VmChannel.Native;

namespace VmChannel.Testing;

/// <summary>A host end that is always there, takes all and always has more.</summary>
public sealed class EndlessEnd : HostEnd
{
    public override string Description => "endless";

    public override long Write(ReadOnlySpan<IoVector> source) => Sum(source);

    public override long Read(ReadOnlySpan<IoVector> destination) => Sum(destination);

    protected override void OnStart() => SetOpen(true, null);

    private static long Sum(ReadOnlySpan<IoVector> vectors)
    {
        long sum = 0;
        foreach (IoVector vector in vectors)
        {
            sum += vector.Length;
        }

        return sum;
    }
}
