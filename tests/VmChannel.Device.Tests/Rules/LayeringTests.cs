using System.Text.RegularExpressions;
using Xunit;

namespace VmChannel.Device.Tests.Rules;

/// <summary>Each layer knows only the ones to its right.</summary>
public sealed partial class LayeringTests
{
    private static readonly Dictionary<string, string[]> Allowed = new()
    {
        ["VhostUser"] = ["VirtioSerial", "Virtqueues", "Loop", "Events"],
        ["VirtioSerial"] = ["Virtqueues", "Ports", "Loop", "Events"],
        ["Virtqueues"] = [],
        ["UsbRedir"] = ["UsbSerial", "Loop"],
        ["UsbIp"] = ["UsbSerial", "Loop"],
        ["UsbSerial"] = ["Ports", "Loop"],
        ["Qmp"] = ["VirtioSerial", "Ports", "Loop", "Events"], // of VirtioSerial only what every transport publishes
        ["Ports"] = ["Channels", "Loop", "Events"],
        ["Channels"] = ["Loop"],
        ["Chardevs"] = ["Channels", "Pipes", "Loop"],
        ["Services"] = ["Channels", "Pipes", "Loop"],
        ["Options"] = ["Ports", "Channels", "Chardevs", "Services"],
        ["Pipes"] = ["Loop"], // where the loop meets async code: services, and streams that the kernel does not move
        ["Loop"] = [],
        ["Events"] = [], // a sink like a logger: told to, never asked, so nothing goes upstream through it
        ["Diagnosis"] = ["VirtioSerial", "Ports"],
    };

    [Fact]
    public void Folder_OfTheDevice_UsesOnlyItsRight()
    {
        List<string> wrong = [];
        foreach ((string path, string[] lines) in SourceTree.Files("src/VmChannel.Device"))
        {
            string[] parts = path.Split('/');
            if (parts.Length < 4)
            {
                continue; // composition at the root may see all
            }

            string folder = parts[2];
            Assert.True(Allowed.ContainsKey(folder), $"{folder} is a new layer: say here what it may use");
            wrong.AddRange(
                from line in lines
                from Match match in DeviceNamespace().Matches(line)
                let used = match.Groups[1].Value
                where used != folder && Allowed.ContainsKey(used) && !Allowed[folder].Contains(used)
                select $"{path}: {line.Trim()}");
        }

        Assert.Empty(wrong);
    }

    [Theory]
    [InlineData("src/VmChannel.Wire", new string[0])]
    [InlineData("src/VmChannel.Native", new string[0])]
    [InlineData("src/VmChannel.Device", new[] { "VmChannel.Wire", "VmChannel.Native" })]
    [InlineData("src/VmChannel.Desktop", new[] { "VmChannel.Wire", "VmChannel.Native" })]
    [InlineData("src/VmChannel.Mux", new string[0])]
    [InlineData("src/VmChannel.AspNetCore", new[] { "VmChannel.Guest", "VmChannel.Mux" })]
    [InlineData("src/VmChannel.Control", new[] { "VmChannel.Mux" })]
    [InlineData("src/VmChannel.Guest", new[] { "VmChannel.Wire", "VmChannel.Native" })]
    public void Project_References_AreItsRight(string project, string[] allowed)
    {
        string text = File.ReadAllText(Directory.GetFiles(Path.Combine(SourceTree.Root, project), "*.csproj").Single());
        Assert.All(
            ProjectReference().Matches(text).Select(match => match.Groups[1].Value), used => Assert.Contains(used, allowed));
    }

    [Fact]
    public void Unsafe_IsAllowedInNativeOnly()
    {
        string[] allowing =
        [
            .. Directory.EnumerateFiles(Path.Combine(SourceTree.Root, "src"), "*.csproj", SearchOption.AllDirectories)
                .Where(path => File.ReadAllText(path).Contains("AllowUnsafeBlocks", StringComparison.Ordinal))
                .Select(path => Path.GetFileNameWithoutExtension(path)),
        ];
        Assert.Equal(["VmChannel.Native"], allowing);
    }

    [GeneratedRegex(@"VmChannel\.Device\.(\w+)")]
    private static partial Regex DeviceNamespace();

    [GeneratedRegex("""ProjectReference Include="[^"]*/([\w.]+)\.csproj""")]
    private static partial Regex ProjectReference();
}
