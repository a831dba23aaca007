using System.Runtime.CompilerServices;
using Xunit;

namespace VmChannel.Guest.Tests;

/// <summary>What the documentation shows is what is compiled and run.</summary>
public sealed class SampleTextTests
{
    private static string Root { get; } = Path.GetFullPath(Path.Join(Path.GetDirectoryName(Here())!, "..", ".."));

    [Fact]
    public void GuestPage_HasTheAgent_AsItIs() => Assert.Contains(
        $"```csharp\n{File.ReadAllText(Path.Join(Root, "samples", "agent", "Program.cs"))}```",
        File.ReadAllText(Path.Join(Root, "docs", "guest.md")),
        StringComparison.Ordinal);

    private static string Here([CallerFilePath] string path = "") => path;
}
