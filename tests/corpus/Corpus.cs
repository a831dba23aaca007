using System.Runtime.CompilerServices;
using CsCheck;

namespace VmChannel.Testing;

/// <summary>Inputs that ever taught something about a parser, in a folder of its name. Compiled into each test project that has fuzz targets of its own.</summary>
internal static class Corpus
{
    /// <summary>Does whatever the bytes say. Any exception is a finding.</summary>
    public delegate void Target(ReadOnlySpan<byte> input);

    /// <summary>One of them.</summary>
    public static byte[] File(string name, string file) => System.IO.File.ReadAllBytes(Path.Combine(Folder(name), file));

    public static void Replay(string name, Target target)
    {
        foreach (byte[] input in Of(name))
        {
            target(input);
        }
    }

    /// <summary>The same with some bytes changed, and the end cut off.</summary>
    /// <param name="name">Whose.</param>
    /// <param name="target">Its target.</param>
    /// <param name="reach">The last position that is changed, in inputs as long as that.</param>
    /// <param name="changes">How many bytes are changed.</param>
    /// <param name="cut">How many bytes are cut off at most.</param>
    public static void ReplayChanged(string name, Target target, int reach, (int Fewest, int Most) changes, int cut = 0)
    {
        byte[][] inputs = Of(name);
        Gen.Select(Gen.Int[0, inputs.Length - 1], Gen.Select(Gen.Int[0, reach], Gen.Byte).Array[changes.Fewest, changes.Most], Gen.Int[0, cut]).Sample(
            (which, changed, end) =>
            {
                byte[] input = [.. inputs[which]];
                foreach ((int at, byte value) in changed)
                {
                    input[at % input.Length] = value;
                }

                target(input.AsSpan(0, Math.Max(0, input.Length - end)));
            });
    }

    private static byte[][] Of(string name)
        => Directory.GetFiles(Folder(name)) is { Length: > 0 } files
            ? [.. files.Order(StringComparer.Ordinal).Select(System.IO.File.ReadAllBytes)]
            : throw new InvalidOperationException($"{Folder(name)} is empty");

    private static string Folder(string name, [CallerFilePath] string here = "") => Path.Combine(Path.GetDirectoryName(here)!, name);
}
