using VmChannel.Cli.Fetch;
using VmChannel.SystemTests.Rig;

namespace VmChannel.SystemTests.StockQemu;

/// <summary>A guest in a QEMU that knows nothing of vmchannel: it has a virtio-serial port of its own, and a monitor.</summary>
public abstract class StockMachine : IAsyncLifetime
{
    /// <summary>A port that somebody else made.</summary>
    public const string Foreign = "org.example.foreign";

    /// <summary>Another, whose socket QEMU connects to.</summary>
    public const string Back = "org.example.back";

    internal TestFolder Folder { get; } = new();

    /// <summary>The socket behind <see cref="Foreign"/>.</summary>
    public string ForeignSocket => Folder.File("foreign.sock");

    /// <summary>The socket behind <see cref="Back"/>: QEMU connects to it, once a second until somebody listens.</summary>
    public string BackSocket => Folder.File("back.sock");

    public string Monitor => Folder.File("monitor.sock");

    internal QemuGuest Guest { get; private set; } = null!;

    private protected abstract PackageSet Version { get; }

    /// <summary>The machine, and where a controller can be found or plugged in.</summary>
    private protected abstract IReadOnlyList<string> Hardware { get; }

    /// <summary>What lets a chardev connect again every second.</summary>
    private protected abstract string Reconnect { get; }

    public async ValueTask InitializeAsync() => await BootAsync();

    /// <summary>Ends QEMU, as its own end would, and boots another with the same monitor.</summary>
    public async Task RestartAsync()
    {
        await Guest.DisposeAsync();
        await BootAsync();
    }

    public async ValueTask DisposeAsync()
    {
        GC.SuppressFinalize(this);
        await Guest.DisposeAsync();
        Folder.Dispose();
    }

    private async Task BootAsync()
        => Guest = await QemuGuest.BootStockAsync(
            Version,
            Folder.File("vm"),
            Monitor,
            [
                .. Hardware,
                "-device", "virtio-serial-pci,id=theirs",
                "-chardev", $"socket,id=foreign,path={ForeignSocket},server=on,wait=off",
                "-device", $"virtserialport,bus=theirs.0,nr=1,id=foreign,chardev=foreign,name={Foreign}",
                "-chardev", $"socket,id=back,path={BackSocket},{Reconnect}",
                "-device", $"virtserialport,bus=theirs.0,nr=20,id=back,chardev=back,name={Back}",
            ]);
}

/// <summary>QEMU 7.2 with a PC of 1996: any slot takes a device while it runs.</summary>
public sealed class OldStockMachine : StockMachine
{
    private protected override PackageSet Version => PackageSets.QemuUsb;

    private protected override IReadOnlyList<string> Hardware => ["-machine", "pc", "-m", "256"];

    private protected override string Reconnect => "reconnect=1";
}

/// <summary>QEMU 11 with PCI Express: a device needs a root port.</summary>
public sealed class NewStockMachine : StockMachine
{
    private protected override PackageSet Version => PackageSets.Qemu;

    private protected override IReadOnlyList<string> Hardware => ["-machine", "q35", "-m", "256", "-device", "pcie-root-port,id=spare,slot=7"];

    private protected override string Reconnect => "reconnect-ms=1000";
}

[CollectionDefinition]
public sealed class OldStockTests : ICollectionFixture<OldStockMachine>;

[CollectionDefinition]
public sealed class NewStockTests : ICollectionFixture<NewStockMachine>;
