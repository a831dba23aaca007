using System.Globalization;
using VmChannel.Device.Tests.Rules;
using VmChannel.Fuzz;
using Xunit;

namespace VmChannel.Device.Tests.Fuzzing;

/// <summary>Every input that ever taught something, and a fixed number of seeded mutations of them: see docs/fuzzing.md.</summary>
public sealed class CorpusTests
{
    private const int DefaultIterations = 600;

    public static TheoryData<string> Targets => [.. FuzzTargets.All.Keys];

    [Theory]
    [MemberData(nameof(Targets))]
    public void Corpus_Replayed_FindsNothing(string target)
    {
        IReadOnlyList<byte[]> corpus = Corpus(target);
        Assert.NotEmpty(corpus);
        foreach (byte[] input in corpus)
        {
            FuzzTargets.All[target](input);
        }
    }

    [Theory]
    [MemberData(nameof(Targets))]
    public void Corpus_Mutated_FindsNothing(string target)
    {
        Mutator mutator = new(Corpus(target), Setting("VMCHANNEL_FUZZ_SEED", 20_260));
        for (int i = Setting("VMCHANNEL_FUZZ_ITERATIONS", DefaultIterations); i > 0; i--)
        {
            byte[] input = mutator.Next();
            try
            {
                FuzzTargets.All[target](input);
            }
            catch (Exception e)
            {
                string path = Path.Combine(Path.GetTempPath(), $"vmchannel-{target}-{Guid.NewGuid():N}.bin");
                File.WriteAllBytes(path, input);
                Assert.Fail($"{path}: {e}");
            }
        }
    }

    private static List<byte[]> Corpus(string target)
        => [.. Directory.GetFiles(Path.Combine(SourceTree.Root, "tests", "corpus", target), "*.bin").Order().Select(File.ReadAllBytes)];

    private static int Setting(string name, int otherwise)
        => int.TryParse(Environment.GetEnvironmentVariable(name), CultureInfo.InvariantCulture, out int value) ? value : otherwise;
}
