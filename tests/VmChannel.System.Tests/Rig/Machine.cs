namespace VmChannel.SystemTests.Rig;

/// <summary>A server and a guest with channels of every behaviour, shared by the tests of a collection: each leaves it as it was.</summary>
public abstract class Machine : IAsyncLifetime
{
    public const string Echo = "org.qemu.clipboard";
    public const string Held = "org.libguestfs.fish";
    public const string Dropped = "org.example.dropped";
    public const string Spare = "org.example.spare";

    private readonly TestFolder _folder = new();

    internal ServeProcess Serve { get; private set; } = null!;

    internal Guest Guest { get; private set; } = null!;

    public async ValueTask InitializeAsync()
    {
        Serve = await ServeProcess.StartAsync(
            _folder,
            "-virtioserial", $"port=4,protocol={Echo},service=echo",
            "-virtioserial", $"port=2,protocol={Held},char=unix:{SocketOf(Held)},server",
            "-virtioserial", $"port=6,protocol={Dropped},char=unix:{SocketOf(Dropped)},server,on-disconnect=discard",
            "-virtioserial", $"port=7,protocol={Spare},char=unix:{SocketOf(Spare)},server");
        Guest = await BootAsync(Serve);
        await WaitForLinksAsync();
    }

    public async ValueTask DisposeAsync()
    {
        GC.SuppressFinalize(this);
        await Guest.DisposeAsync();
        await Serve.DisposeAsync();
        _folder.Dispose();
    }

    /// <summary>Connects to the host end of a channel.</summary>
    internal ChannelClient Connect(string protocol) => ChannelClient.Connect(SocketOf(protocol));

    /// <summary>Connects to the host end of a channel that a test has plugged with a socket of this name.</summary>
    internal ChannelClient ConnectFile(string name) => ChannelClient.Connect(File(name));

    /// <summary>A path on the host for what a test needs.</summary>
    internal string File(string name) => _folder.File(name);

    /// <summary>The channel's path in the guest.</summary>
    internal static string PathOf(string protocol) => $"/dev/vmchannel/{protocol.Replace('.', '/')}";

    internal Task WaitForLinksAsync() =>
        Guest.UntilAsync(string.Join(" && ", new[] { Echo, Held, Dropped, Spare }.Select(protocol => $"[ -e {PathOf(protocol)} ]")));

    private protected abstract Task<Guest> BootAsync(ServeProcess serve);

    private string SocketOf(string protocol) => _folder.File(protocol + ".sock");
}

/// <summary>The machine in User Mode Linux.</summary>
public sealed class UmlMachine : Machine
{
    private protected override async Task<Guest> BootAsync(ServeProcess serve) => await UmlGuest.BootAsync(serve);
}

/// <summary>The machine in QEMU 11.</summary>
public sealed class QemuMachine : Machine
{
    internal QmpClient Control => ((QemuGuest)Guest).Control;

    private protected override async Task<Guest> BootAsync(ServeProcess serve) => await QemuGuest.BootAsync(serve);
}

[CollectionDefinition]
public sealed class UmlTests : ICollectionFixture<UmlMachine>;

[CollectionDefinition]
public sealed class QemuTests : ICollectionFixture<QemuMachine>;
