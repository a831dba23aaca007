using VmChannel.Cli.Clipboards;
using VmChannel.Control;
using Xunit;

namespace VmChannel.Cli.Tests.Clipboards;

/// <summary>What is made of an xclip that fails: of its words, as xclip 0.13 prints them.</summary>
public sealed class XclipToolTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("vmchannel-xclip-").FullName;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public async Task Read_OfATargetThatIsNotThere_IsNothing()
        => Assert.Null(await Tool("echo 'Error: target TARGETS not available' >&2; exit 1").ReadAsync("TARGETS", Cancellation));

    [Fact]
    public async Task Read_WithoutADisplay_FailsWithItsWords()
    {
        IOException e = await Assert.ThrowsAsync<IOException>(
            () => Tool("echo \"Error: Can't open display: :77\" >&2; exit 1").ReadAsync("TARGETS", Cancellation));
        Assert.Equal("xclip cannot paste: Error: Can't open display: :77", e.Message);
    }

    private XclipTool Tool(string script)
    {
        string path = Path.Combine(_folder, "xclip");
        File.WriteAllText(path, $"#!/bin/sh\n{script}\n");
        File.SetUnixFileMode(path, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        return new(ClipboardSelection.Clipboard, path);
    }
}
