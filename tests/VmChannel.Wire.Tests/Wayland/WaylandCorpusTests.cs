using CsCheck;
using VmChannel.Testing;
using VmChannel.Wire.Tests.Fuzz;
using Xunit;

namespace VmChannel.Wire.Tests.Wayland;

public sealed class WaylandCorpusTests
{
    [Fact]
    public void Run_EveryCorpusFile_Survives() => Corpus.Replay("wayland", WaylandTarget.Run);

    [Fact]
    public void Run_CorpusFilesWithBytesChanged_Survives() => Corpus.ReplayChanged("wayland", WaylandTarget.Run, reach: 300, changes: (1, 8));

    [Fact]
    public void Run_RandomBytes_Survives() => Gen.Byte.Array[0, 300].Sample(bytes => WaylandTarget.Run(bytes));
}
