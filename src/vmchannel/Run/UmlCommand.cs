namespace VmChannel.Cli.Run;

/// <summary>Arguments that boot User Mode Linux with our device.</summary>
internal static class UmlCommand
{
    /// <summary>UML takes 64 queues: two for control and two for each port, port 0 included.</summary>
    public const int MaxPorts = 31;

    /// <summary>Virtio, its transport and hostfs are built into Debian's UML.</summary>
    public static IReadOnlyList<string> Modules { get; } = ["virtio_console"];

    /// <param name="boot">What to boot.</param>
    /// <param name="folder">A private folder for UML's own socket and pid file.</param>
    public static IReadOnlyList<string> Arguments(GuestBoot boot, string folder) =>
    [
        boot.Kernel,
        $"mem={boot.MemoryMiB}M",
        $"initrd={boot.Initramfs}",
        $"virtio_uml.device={boot.Socket}:3",
        $"uml_dir={folder}/",
        "umid=uml",
        "con=null",
        "con0=null,fd:1",
        "ssl=null",
        "pty.legacy_count=0",
        "panic=-1",
        // Measures RAID parity algorithms for 0.8 s of a 1.2 s boot; nothing here has RAID disks.
        "initcall_blacklist=raid6_select_algo",
        .. boot.InitArguments("hostfs", "/", index => boot.Shares[index].HostPath),
    ];
}
