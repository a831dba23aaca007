using System.Runtime.CompilerServices;
using CsCheck;
using VmChannel.Wire.Tests.Fuzz;
using Xunit;

namespace VmChannel.Wire.Tests.Wayland;

public sealed class WaylandCorpusTests
{
    [Fact]
    public void Run_EveryCorpusFile_Survives()
    {
        string[] files = Directory.GetFiles(CorpusFolder());
        Assert.NotEmpty(files);
        foreach (string file in files)
        {
            WaylandTarget.Run(File.ReadAllBytes(file));
        }
    }

    [Fact]
    public void Run_CorpusFilesWithBytesChanged_Survives()
    {
        byte[][] seeds = [.. Directory.GetFiles(CorpusFolder()).Order(StringComparer.Ordinal).Select(File.ReadAllBytes)];
        Gen.Select(Gen.Int[0, seeds.Length - 1], Gen.Select(Gen.Int[0, 300], Gen.Byte).Array[1, 8]).Sample((seed, changes) =>
        {
            byte[] input = [.. seeds[seed]];
            foreach ((int at, byte value) in changes)
            {
                input[at % input.Length] = value;
            }

            WaylandTarget.Run(input);
        });
    }

    [Fact]
    public void Run_RandomBytes_Survives() => Gen.Byte.Array[0, 300].Sample(bytes => WaylandTarget.Run(bytes));

    internal static string CorpusFolder([CallerFilePath] string here = "")
        => Path.Combine(Path.GetDirectoryName(here)!, "..", "..", "corpus", "wayland");
}
