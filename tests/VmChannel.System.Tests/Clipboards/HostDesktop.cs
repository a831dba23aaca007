using VmChannel.Cli.Fetch;
using VmChannel.SystemTests.Rig;

namespace VmChannel.SystemTests.Clipboards;

/// <summary>An X server on the host, and an xclip for whoever gets <see cref="Setup"/>: Debian's packages, not installed.</summary>
/// <remarks>
/// The server starts a program of its own by its absolute path, so it sees the packages as the root of its file system (bubblewrap).
/// A server whose last client leaves would start anew, and turn away who comes meanwhile: -noreset.
/// </remarks>
internal sealed class HostDesktop : IAsyncDisposable
{
    private static readonly string[] Folders = ["/usr", "/lib", "/lib64", "/bin"];

    private readonly HostProcess _server;
    private readonly string _tools;

    private HostDesktop(HostProcess server, string tools, string display)
    {
        _server = server;
        _tools = tools;
        Display = display;
    }

    public string Display { get; }

    public static async Task<HostDesktop> StartAsync(TestFolder folder)
    {
        string packages = await GuestImage.RootOfAsync(PackageSets.Desktop);
        string bubblewrap = await GuestImage.RootOfAsync(PackageSets.Bubblewrap);
        string[] binds = [.. Folders.SelectMany(path => (string[])["--ro-bind", packages + path, path])];
        HostProcess server = HostProcess.Start(
            [
                $"{bubblewrap}/usr/bin/bwrap", "--unshare-user", "--die-with-parent", "--tmpfs", "/", .. binds, "--dev-bind", "/dev", "/dev", "--tmpfs", "/tmp",
                "--unsetenv", "LD_LIBRARY_PATH", "/usr/bin/Xvfb", "-displayfd", "1", "-ac", "-noreset", "-nolisten", "tcp", "-screen", "0", "640x480x24",
            ],
            start => start.Environment["LD_LIBRARY_PATH"] = $"{bubblewrap}/lib/x86_64-linux-gnu:{bubblewrap}/usr/lib/x86_64-linux-gnu");
        string number = await server.Output.WaitForNextAsync(0);
        string tools = folder.File("tools");
        _ = Directory.CreateDirectory(tools);
        await File.WriteAllTextAsync(
            Path.Combine(tools, "xclip"),
            $"""
            #!/bin/sh
            exec {packages}/lib64/ld-linux-x86-64.so.2 --library-path {packages}/usr/lib/x86_64-linux-gnu:{packages}/lib/x86_64-linux-gnu {packages}/usr/bin/xclip "$@"

            """);
        File.SetUnixFileMode(Path.Combine(tools, "xclip"), UnixFileMode.UserRead | UnixFileMode.UserExecute);
        return new(server, tools, $":{number}");
    }

    /// <summary>Environment of a program that uses the desktop.</summary>
    public void Setup(System.Diagnostics.ProcessStartInfo start)
    {
        start.Environment["DISPLAY"] = Display;
        start.Environment["PATH"] = $"{_tools}:{Environment.GetEnvironmentVariable("PATH")}";
    }

    /// <summary>The desktop's user copies a text. xclip stays behind to give it, in a session of its own: this one ends here.</summary>
    public async Task CopyAsync(string text)
    {
        await using HostProcess shell = HostProcess.Start(["sh", "-c", "printf %s \"$1\" | setsid xclip -i -selection clipboard >/dev/null 2>&1", "sh", text], Setup);
        Assert.Equal(0, await shell.Ended.WaitAsync(Patience.Short));
    }

    /// <summary>The desktop's user pastes until it is this text.</summary>
    public async Task PasteUntilAsync(string text)
    {
        await using HostProcess shell = HostProcess.Start(
            ["sh", "-c", "for n in $(seq 600); do last=$(xclip -o -selection clipboard 2>&1); [ \"$last\" = \"$1\" ] && exit 0; sleep 0.05; done; echo \"$last\"; exit 1", "sh", text],
            Setup);
        Assert.True(await shell.Ended.WaitAsync(Patience.Short) == 0, $"wanted {text}, the last paste was {shell.Output}");
    }

    public ValueTask DisposeAsync() => _server.DisposeAsync();
}
