using VmChannel.Cli.Args;
using VmChannel.Device.Ports;

namespace VmChannel.Cli.Run;

/// <summary>Arguments that boot a stock kernel in QEMU with our device. Emulation only: /dev/kvm is never used.</summary>
internal static class QemuCommand
{
    /// <summary>Names the folder with the parts of itself that QEMU loads, usbredir among them; its packages' own is elsewhere.</summary>
    public const string ModuleVariable = "QEMU_MODULE_DIR";

    private const string Triplet = "x86_64-linux-gnu";

    /// <summary>What a guest loads whose channels are carried by this. Its root comes over virtio in any case.</summary>
    public static IReadOnlyList<string> Modules(PortTransport transport)
        => transport == PortTransport.UsbSerial ? ["virtio_pci", "xhci_pci", "ftdi_sio", "cdc_acm", "9pnet_virtio", "9p"] : ["virtio_pci", "virtio_console", "9pnet_virtio", "9p"];

    /// <summary>The folder for <see cref="ModuleVariable"/>.</summary>
    /// <param name="qemu">Root of the unpacked QEMU packages.</param>
    public static string ModuleFolder(string qemu) => $"{qemu}/usr/lib/{Triplet}/qemu";

    /// <param name="boot">What to boot.</param>
    /// <param name="qemu">Root of the unpacked QEMU packages, started through their own loader: they fit no other libc.</param>
    public static IReadOnlyList<string> Arguments(GuestBoot boot, string qemu)
    {
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
            .. boot.Adapters.Count > 0 ? UsbController.Arguments("vmchannel", [.. boot.Adapters.Select(path => $"path={Comma(path)}")]).SelectMany(pair => new[] { pair.Option, pair.Value }) :
            [
                "-chardev", $"socket,id=channels,path={Comma(boot.Socket)}",
                "-device", $"vhost-user-test-device-pci,chardev=channels,virtio-id=3,num_vqs={2 * (boot.MaxPorts + 1)},config_size=12,vq_size=256",
            ],
            "-virtfs", "local,path=/,mount_tag=root,security_model=none,readonly=on,multidevs=remap",
        ];

        for (int index = 0; index < boot.Shares.Count; index++)
        {
            arguments.AddRange(["-virtfs", $"local,path={Comma(boot.Shares[index].HostPath)},mount_tag=share{index},security_model=none,multidevs=remap"]);
        }

        arguments.AddRange(["-kernel", boot.Kernel, "-initrd", boot.Initramfs]);
        string[] kernel = ["console=ttyS0", "panic=-1", .. boot.InitArguments("9p", "root", index => $"share{index}")];
        arguments.AddRange(["-append", string.Join(' ', kernel)]);
        return arguments;
    }

    /// <summary>QEMU ends a value at a comma, unless it is doubled.</summary>
    private static string Comma(string path) => path.Replace(",", ",,", StringComparison.Ordinal);
}
