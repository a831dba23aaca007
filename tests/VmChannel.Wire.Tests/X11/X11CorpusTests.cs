using CsCheck;
using VmChannel.Testing;
using VmChannel.Wire.Tests.Fuzz;
using Xunit;

namespace VmChannel.Wire.Tests.X11;

public sealed class X11CorpusTests
{
    [Fact]
    public void Run_EveryCorpusFile_Survives() => Corpus.Replay("x11", X11Target.Run);

    [Fact]
    public void Run_CorpusFilesWithBytesChanged_Survives() => Corpus.ReplayChanged("x11", X11Target.Run, reach: 300, changes: (1, 8));

    [Fact]
    public void Run_RandomBytes_Survives() => Gen.Byte.Array[0, 300].Sample(bytes => X11Target.Run(bytes));
}
