namespace VmChannel.Cli.Run;

/// <summary>Arguments that boot a stock kernel in QEMU with our device. Emulation only: /dev/kvm is never used.</summary>
internal static class QemuCommand
{
    public static IReadOnlyList<string> Modules { get; } = ["virtio_pci", "virtio_console", "9pnet_virtio", "9p"];

    /// <param name="boot">What to boot.</param>
    /// <param name="qemu">Root of the unpacked QEMU packages, started through their own loader: they fit no other libc.</param>
    public static IReadOnlyList<string> Arguments(GuestBoot boot, string qemu)
    {
        const string Triplet = "x86_64-linux-gnu";
        List<string> arguments =
        [
            $"{qemu}/usr/lib64/ld-linux-x86-64.so.2",
            "--library-path", $"{qemu}/usr/lib/{Triplet}:{qemu}/lib/{Triplet}:{qemu}/usr/lib/{Triplet}/pulseaudio",
            $"{qemu}/usr/bin/qemu-system-x86_64",
            "-L", $"{qemu}/usr/share/qemu", "-L", $"{qemu}/usr/share/seabios",
            "-no-user-config", "-nodefaults", "-no-reboot", "-display", "none", "-nic", "none",
            "-accel", "tcg", "-cpu", "max", "-smp", "1", "-m", $"{boot.MemoryMiB}M",
            "-machine", "q35,memory-backend=mem0",
            "-object", $"memory-backend-memfd,id=mem0,size={boot.MemoryMiB}M,share=on",
            "-chardev", "stdio,id=log,signal=off", "-serial", "chardev:log",
            "-chardev", $"socket,id=channels,path={boot.Socket}",
            "-device", $"vhost-user-test-device-pci,chardev=channels,virtio-id=3,num_vqs={2 * (boot.MaxPorts + 1)},config_size=12,vq_size=256",
            "-virtfs", "local,path=/,mount_tag=root,security_model=none,readonly=on,multidevs=remap",
        ];

        for (int index = 0; index < boot.Shares.Count; index++)
        {
            // A comma in a value is doubled for QEMU's option parser.
            string path = boot.Shares[index].HostPath.Replace(",", ",,", StringComparison.Ordinal);
            arguments.AddRange(["-virtfs", $"local,path={path},mount_tag=share{index},security_model=none,multidevs=remap"]);
        }

        arguments.AddRange(["-kernel", boot.Kernel, "-initrd", boot.Initramfs]);
        string[] kernel = ["console=ttyS0", "panic=-1", .. boot.InitArguments("9p", "root", index => $"share{index}")];
        arguments.AddRange(["-append", string.Join(' ', kernel)]);
        return arguments;
    }
}
