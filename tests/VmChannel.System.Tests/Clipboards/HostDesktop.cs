using System.Security.Cryptography;
using VmChannel.Cli.Fetch;
using VmChannel.SystemTests.Rig;

namespace VmChannel.SystemTests.Clipboards;

/// <summary>A desktop on the host, and its user's tools for whoever gets <see cref="Setup"/>: Debian's packages, not installed.</summary>
/// <remarks>
/// The server starts programs by their absolute paths, so it sees the packages as the root of its file system (bubblewrap).
/// An X server whose last client leaves would start anew, and turn away who comes meanwhile: -noreset.
/// </remarks>
internal sealed class HostDesktop : IAsyncDisposable
{
    private static readonly string[] Folders = ["/usr", "/lib", "/lib64", "/bin", "/etc"];

    private readonly HostProcess _server;
    private readonly string _tools;
    private readonly string _copy;
    private readonly string _paste;
    private readonly IReadOnlyDictionary<string, string?> _variables;

    private HostDesktop(HostProcess server, string display, string tools, string copy, string paste, IReadOnlyDictionary<string, string?> variables)
    {
        _server = server;
        Display = display;
        _tools = tools;
        _copy = copy;
        _paste = paste;
        _variables = variables;
    }

    /// <summary>As <c>--display</c> takes it.</summary>
    public string Display { get; }

    /// <summary>One of the two.</summary>
    public static Task<HostDesktop> StartAsync(TestFolder folder, bool isWayland) => isWayland ? StartWaylandAsync(folder) : StartX11Async(folder);

    /// <summary>An X server, and xclip.</summary>
    public static async Task<HostDesktop> StartX11Async(TestFolder folder, bool wantsCookie = false)
    {
        string packages = await GuestImage.RootOfAsync(PackageSets.Desktop);
        string authority = folder.File("authority");
        string[] access = ["-ac"];
        if (wantsCookie)
        {
            await File.WriteAllBytesAsync(authority, AuthorityRecord(RandomNumberGenerator.GetBytes(16)));
            access = ["-auth", authority];
        }

        HostProcess server = await StartAsync(
            packages, ["--ro-bind", folder.Root, folder.Root],
            ["/usr/bin/Xvfb", "-displayfd", "1", .. access, "-noreset", "-nolisten", "tcp", "-screen", "0", "640x480x24"]);
        string number = await server.Output.WaitForNextAsync(0);
        return new(
            server, $":{number}", await WriteToolsAsync(folder, packages, "xclip"), "xclip -i -selection clipboard", "xclip -o -selection clipboard",
            new Dictionary<string, string?> { ["DISPLAY"] = $":{number}", ["WAYLAND_DISPLAY"] = null, ["XAUTHORITY"] = authority });
    }

    /// <summary>A Wayland compositor (sway), wl-copy and wl-paste. Again in the same folder, it takes the place of one that has ended.</summary>
    public static async Task<HostDesktop> StartWaylandAsync(TestFolder folder)
    {
        const string Name = "wayland-1";
        string packages = await GuestImage.RootOfAsync(PackageSets.WaylandDesktop);
        string runtime = folder.File("session");
        _ = Directory.CreateDirectory(runtime, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        await File.WriteAllTextAsync(Path.Combine(runtime, "sway.conf"), "");
        File.Delete(Path.Combine(runtime, Name));
        HostProcess server = await StartAsync(
            packages,
            [
                "--uid", "1000", "--gid", "1000", "--bind", runtime, runtime, "--proc", "/proc", "--clearenv", "--setenv", "XDG_RUNTIME_DIR", runtime,
                "--setenv", "WLR_BACKENDS", "headless", "--setenv", "WLR_HEADLESS_OUTPUTS", "0", "--setenv", "WLR_RENDERER", "pixman",
                "--setenv", "WLR_LIBINPUT_NO_DEVICES", "1",
            ],
            "/usr/bin/sway", "-c", Path.Combine(runtime, "sway.conf"));
        await Patience.UntilAsync(() => ChannelClient.CanConnect(Path.Combine(runtime, Name)), () => $"sway does not start: {server.Errors}");
        return new(
            server, Path.Combine(runtime, Name), await WriteToolsAsync(folder, packages, "wl-copy", "wl-paste"), "wl-copy -t text/plain", "wl-paste -n",
            new Dictionary<string, string?> { ["WAYLAND_DISPLAY"] = Name, ["XDG_RUNTIME_DIR"] = runtime, ["DISPLAY"] = null });
    }

    /// <summary>Environment of a program that uses the desktop.</summary>
    public void Setup(System.Diagnostics.ProcessStartInfo start)
    {
        start.Environment["PATH"] = $"{_tools}:{Environment.GetEnvironmentVariable("PATH")}";
        foreach ((string name, string? value) in _variables)
        {
            start.Environment[name] = value;
        }
    }

    /// <summary>The desktop's user copies a text. The tool stays behind to give it, in a session of its own: this one ends here.</summary>
    public async Task CopyAsync(string text)
    {
        await using HostProcess shell = HostProcess.Start(["sh", "-c", $"printf %s \"$1\" | setsid {_copy} >/dev/null 2>&1", "sh", text], Setup);
        Assert.Equal(0, await shell.Ended.WaitAsync(Patience.Short));
    }

    /// <summary>The desktop's user pastes once. Returns what there is, or what the tool says.</summary>
    public async Task<string> PasteAsync()
    {
        await using HostProcess shell = HostProcess.Start(["sh", "-c", $"{_paste} 2>&1"], Setup);
        _ = await shell.Ended.WaitAsync(Patience.Short);
        return shell.Output.ToString();
    }

    /// <summary>The desktop's user pastes until it is this text.</summary>
    public async Task PasteUntilAsync(string text)
    {
        await using HostProcess shell = HostProcess.Start(
            ["sh", "-c", $"for n in $(seq 600); do last=$({_paste} 2>&1); [ \"$last\" = \"$1\" ] && exit 0; sleep 0.05; done; echo \"$last\"; exit 1", "sh", text],
            Setup);
        Assert.True(await shell.Ended.WaitAsync(Patience.Short) == 0, $"wanted {text}, the last paste was {shell.Output}");
    }

    /// <summary>The session ends.</summary>
    public Task StopAsync()
    {
        _server.Signal(PosixSignalNumber.Terminate);
        return _server.Ended.WaitAsync(Patience.Short);
    }

    public ValueTask DisposeAsync() => _server.DisposeAsync();

    private static async Task<HostProcess> StartAsync(string packages, string[] sandbox, params string[] command)
    {
        string bubblewrap = await GuestImage.RootOfAsync(PackageSets.Bubblewrap);
        string[] binds = [.. Folders.SelectMany(path => (string[])["--ro-bind", packages + path, path])];
        return HostProcess.Start(
            [
                $"{bubblewrap}/usr/bin/bwrap", "--unshare-user", "--die-with-parent", "--tmpfs", "/", .. binds, "--dev-bind", "/dev", "/dev", "--tmpfs", "/tmp",
                "--unsetenv", "LD_LIBRARY_PATH", .. sandbox, .. command,
            ],
            start => start.Environment["LD_LIBRARY_PATH"] = $"{bubblewrap}/lib/x86_64-linux-gnu:{bubblewrap}/usr/lib/x86_64-linux-gnu");
    }

    /// <summary>What xauth(1) would write for any display of any machine.</summary>
    private static byte[] AuthorityRecord(ReadOnlySpan<byte> cookie)
        => [255, 255, 0, 0, 0, 0, 0, 18, .. "MIT-MAGIC-COOKIE-1"u8, 0, (byte)cookie.Length, .. cookie];

    private static async Task<string> WriteToolsAsync(TestFolder folder, string packages, params string[] names)
    {
        string tools = folder.File("tools");
        _ = Directory.CreateDirectory(tools);
        foreach (string path in names.Select(name => Path.Combine(tools, name)).Where(path => !File.Exists(path)))
        {
            await File.WriteAllTextAsync(
                path,
                $"""
                #!/bin/sh
                exec {packages}/lib64/ld-linux-x86-64.so.2 --library-path {packages}/usr/lib/x86_64-linux-gnu:{packages}/lib/x86_64-linux-gnu {packages}/usr/bin/{Path.GetFileName(path)} "$@"

                """);
            File.SetUnixFileMode(path, UnixFileMode.UserRead | UnixFileMode.UserExecute);
        }

        return tools;
    }
}
