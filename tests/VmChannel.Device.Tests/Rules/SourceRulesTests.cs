using System.Text.RegularExpressions;
using Xunit;

namespace VmChannel.Device.Tests.Rules;

/// <summary>Rules of the house that a compiler does not know.</summary>
public sealed partial class SourceRulesTests
{
    private const int MaxLines = 400;
    private static readonly string[] Folders = ["src", "tests"];

    [Fact]
    public void File_OfTheProduct_IsShort()
        => Assert.Empty(SourceTree.Files("src").Where(file => file.Lines.Length > MaxLines).Select(file => $"{file.Path}: {file.Lines.Length}"));

    [Fact]
    public void File_ThatDereferencesPointers_SaysWhyThatIsSafe()
        => Assert.Empty(SourceTree.Files("src")
            .Where(file => file.Lines.Any(line => Dereference().IsMatch(line)) && !file.Lines.Any(line => line.Contains("SAFETY:", StringComparison.Ordinal)))
            .Select(file => file.Path));

    [Fact]
    public void Todo_HasAnIssueNumber()
        => Assert.Empty(
            from folder in Folders
            from file in SourceTree.Files(folder)
            where !file.Path.EndsWith("SourceRulesTests.cs", StringComparison.Ordinal)
            from line in file.Lines
            where Todo().IsMatch(line) && !TodoWithIssue().IsMatch(line)
            select $"{file.Path}: {line.Trim()}");

    [Fact]
    public void Name_OfAFile_IsANoun()
        => Assert.Empty(
            from folder in Folders
            from file in SourceTree.Files(folder)
            where VagueName().IsMatch(file.Path) && !file.Path.EndsWith("/ServiceManager.cs", StringComparison.Ordinal) // systemd's own word
            select file.Path);

    [GeneratedRegex(@"\bTODO\b|\bFIXME\b|\bHACK\b")]
    private static partial Regex Todo();

    [GeneratedRegex(@"TODO\(#\d+\)")]
    private static partial Regex TodoWithIssue();

    [GeneratedRegex(@"(Common|Utils?|Utilities|Helpers?|Manager)(/|\.cs$|\.)")]
    private static partial Regex VagueName();

    // A span over a raw pointer, an unsafe reference, or a store through a cast pointer.
    [GeneratedRegex(@"Span<byte>\(\(?(void|byte)\*|Span<byte>\(_base|Unsafe\.AsRef|\*\(u?(int|long|short|nuint|nint)\*\)")]
    private static partial Regex Dereference();
}
