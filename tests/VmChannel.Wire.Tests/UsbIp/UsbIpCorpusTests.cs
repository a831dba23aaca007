using System.Runtime.CompilerServices;
using CsCheck;
using VmChannel.Wire.Tests.Fuzz;
using Xunit;

namespace VmChannel.Wire.Tests.UsbIp;

public sealed class UsbIpCorpusTests
{
    [Fact]
    public void Run_EveryCorpusFile_Survives()
    {
        byte[][] corpus = Corpus();
        Assert.NotEmpty(corpus);
        Assert.All(corpus, input => UsbIpTarget.Run(input));
    }

    [Fact]
    public void Run_CorpusChanged_Survives()
    {
        byte[][] corpus = Corpus();
        Gen.Select(Gen.Int[0, corpus.Length - 1], Gen.Select(Gen.Int[0, 400], Gen.Byte).Array[0, 6], Gen.Int[0, 200]).Sample((which, changes, cut) =>
        {
            byte[] input = [.. corpus[which]];
            foreach ((int at, byte value) in changes)
            {
                input[at % input.Length] = value;
            }

            UsbIpTarget.Run(input.AsSpan(0, Math.Max(0, input.Length - cut)));
        });
    }

    private static byte[][] Corpus([CallerFilePath] string here = "")
        => [.. Directory.GetFiles(Path.Combine(Path.GetDirectoryName(here)!, "..", "..", "corpus", "usbip")).Order().Select(File.ReadAllBytes)];
}
