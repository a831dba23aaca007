using CsCheck;
using VmChannel.Testing;

namespace VmChannel.Mux.Tests.Fuzz;

public sealed class MuxCorpusTests
{
    [Fact]
    public void Run_EveryCorpusFile_Survives() => Corpus.Replay("mux", MuxTarget.Run);

    [Fact]
    public void Run_CorpusFilesWithBytesChanged_Survives() => Corpus.ReplayChanged("mux", MuxTarget.Run, reach: 1000, changes: (1, 8));

    [Fact]
    public void Run_RandomBytes_Survives() => Gen.Byte.Array[0, 300].Sample(bytes => MuxTarget.Run(bytes));
}
