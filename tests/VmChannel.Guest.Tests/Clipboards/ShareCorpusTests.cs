using System.Runtime.CompilerServices;
using CsCheck;
using Xunit;

namespace VmChannel.Guest.Tests.Clipboards;

public sealed class ShareCorpusTests
{
    [Fact]
    public void Run_EveryCorpusFile_Survives()
    {
        string[] files = Directory.GetFiles(CorpusFolder());
        Assert.NotEmpty(files);
        foreach (string file in files)
        {
            ShareTarget.Run(File.ReadAllBytes(file));
        }
    }

    [Fact]
    public void Run_CorpusFilesWithBytesChanged_Survives()
    {
        byte[][] seeds = [.. Directory.GetFiles(CorpusFolder()).Order(StringComparer.Ordinal).Select(File.ReadAllBytes)];
        Gen.Select(Gen.Int[0, seeds.Length - 1], Gen.Select(Gen.Int[0, 1000], Gen.Byte).Array[1, 8]).Sample((seed, changes) =>
        {
            byte[] input = [.. seeds[seed]];
            foreach ((int at, byte value) in changes)
            {
                input[at % input.Length] = value;
            }

            ShareTarget.Run(input);
        });
    }

    private static string CorpusFolder([CallerFilePath] string here = "")
        => Path.Combine(Path.GetDirectoryName(here)!, "..", "..", "corpus", "share");
}
