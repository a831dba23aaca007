using VmChannel.Control;
using VmChannel.SystemTests.Rig;

namespace VmChannel.SystemTests.Library;

/// <summary>A guest in which programs of VmChannel.Guest run from the host's own files, and a server that does nothing against the driver's lost wake-up.</summary>
public sealed class AgentMachine : IAsyncLifetime
{
    public const string Echo = "org.example.echo";
    public const string Held = "org.example.held";
    public const string Flapping = "org.example.flapping";
    public const string Console = "org.example.console";
    public const string Crowded = "org.example.crowded";

    private readonly TestFolder _folder = new();

    internal ServeProcess Serve { get; private set; } = null!;

    internal Guest Guest { get; private set; } = null!;

    public async ValueTask InitializeAsync()
    {
        Serve = await ServeProcess.StartAsync(
            _folder,
            "--no-wake-nudge",
            "-virtconsole", $"protocol={Console},service=sink",
            "-virtioserial", $"protocol={Echo},service=echo",
            "-virtioserial", $"protocol={Held},char=unix:{SocketOf(Held)},server",
            "-virtioserial", $"protocol={Flapping},char=unix:{SocketOf(Flapping)},server",
            "-virtioserial", $"protocol={Crowded},char=unix:{SocketOf(Crowded)},server");
        Guest = await UmlGuest.BootAsync(Serve, "mem=512M");
        await Guest.RunAsync(HostFiles.Mount("dev proc sys tmp"));
        await Guest.UntilAsync(string.Join(" && ", new[] { Echo, Held, Flapping, Crowded }.Select(name => $"[ -e {Machine.PathOf(name)} ]")));
    }

    public async ValueTask DisposeAsync()
    {
        await Guest.DisposeAsync();
        await Serve.DisposeAsync();
        _folder.Dispose();
    }

    /// <summary>A path on the host for what a test needs.</summary>
    internal string File(string name) => _folder.File(name);

    internal string SocketOf(string protocol) => _folder.File(protocol + ".sock");

    /// <summary>Connects to the host end of a channel.</summary>
    internal ChannelClient Connect(string protocol) => ChannelClient.Connect(SocketOf(protocol));

    /// <summary>Shell words that run a program of the host in the guest.</summary>
    internal static string Command(string program) => $"chroot {HostFiles.Root} {program}";

    /// <summary>Shell words that run a program of the host in the guest for nobody, who need not have a way to its file.</summary>
    internal static string CommandForNobody(string program) =>
        $"cp {HostFiles.Root}{program} /tmp/program; chroot --userspec=65534:65534 {HostFiles.Root} /tmp/program";

    /// <summary>Runs a command that plugs or unplugs.</summary>
    internal async Task ChangeAsync(params string[] words)
    {
        (int code, _, string errors) = await Serve.CommandAsync(words);
        Assert.True(code == 0, errors);
    }

    /// <summary>Waits until a port is as wanted, for the device.</summary>
    internal async Task WaitForAsync(string protocol, Func<PortInfo, bool> condition)
    {
        PortInfo? last = null;
        for (long end = Environment.TickCount64 + (long)Patience.Short.TotalMilliseconds; Environment.TickCount64 < end; await Task.Delay(5))
        {
            last = await Serve.Control.GetPortAsync("device", protocol);
            if (condition(last))
            {
                return;
            }
        }

        Assert.Fail($"{protocol} never came to be so: {last}\n{Guest.Describe()}");
    }
}

[CollectionDefinition]
public sealed class AgentTests : ICollectionFixture<AgentMachine>;
