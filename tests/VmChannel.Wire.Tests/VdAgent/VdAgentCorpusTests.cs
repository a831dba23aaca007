using CsCheck;
using VmChannel.Testing;
using VmChannel.Wire.Tests.Fuzz;
using Xunit;

namespace VmChannel.Wire.Tests.VdAgent;

public sealed class VdAgentCorpusTests
{
    [Fact]
    public void Run_EveryCorpusFile_Survives() => Corpus.Replay("vdagent", VdAgentTarget.Run);

    [Fact]
    public void Run_RandomBytes_Survives() => Gen.Byte.Array[0, 300].Sample(bytes => VdAgentTarget.Run(bytes));

    [Fact]
    public void Run_RandomBytesAfterAGoodStart_Survives() => Gen.Select(Gen.Byte.Array[0, 300], Gen.Byte, Gen.UInt[0, 400], Gen.UInt[0, 400]).Sample(
        (tail, cut, chunk, size) => VdAgentTarget.Run(
        [
            cut,
            1, 0, 0, 0, (byte)(chunk & 0xFF), (byte)(chunk >> 8), 0, 0,
            1, 0, 0, 0, 7, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, (byte)(size & 0xFF), (byte)(size >> 8), 0, 0,
            .. tail,
        ]));
}
