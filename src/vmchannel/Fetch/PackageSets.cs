namespace VmChannel.Cli.Fetch;

/// <summary>Everything <c>vmchannel fetch</c> can get.</summary>
internal static class PackageSets
{
    public static readonly PackageSet Uml = new(
        "uml", "User Mode Linux, the guest kernel of vmchannel run", "bookworm", ["user-mode-linux"], WithDependencies: false);

    public static readonly PackageSet Qemu = new(
        "qemu", "QEMU 11, for vmchannel run --vmm qemu", "trixie-backports", ["qemu-system-x86"], WithDependencies: true);

    public static readonly PackageSet QemuUsb = new(
        "qemu7", "QEMU 7.2, which has a usbredir front-end", "bookworm", ["qemu-system-x86"], WithDependencies: true);

    // The metapackages depend on the current kernel, so the closure is the kernel and the tools that would install it.
    public static readonly PackageSet Kernel = new(
        "kernel", "Debian's stock kernel, for vmchannel run --vmm qemu", "bookworm", ["linux-image-amd64"], WithDependencies: true);

    // Boots sooner, but has neither 9p nor USB serial drivers.
    public static readonly PackageSet KernelCloud = new(
        "kernel-cloud", "Debian's stock cloud kernel", "bookworm", ["linux-image-cloud-amd64"], WithDependencies: true);

    public static readonly PackageSet Bubblewrap = new(
        "bubblewrap", "the sandbox around vmchannel run", "bookworm", ["bubblewrap", "libcap2", "libselinux1", "libpcre2-8-0"], WithDependencies: false);

    public static readonly PackageSet Peers = new(
        "peers", "guest programs that speak over named ports", "bookworm",
        ["qemu-guest-agent", "spice-vdagent", "udev", "socat"], WithDependencies: true);

    // Packages that every system has are named too: nothing depends on them.
    public static readonly PackageSet Debian = new(
        "debian", "a small Debian with systemd, for the tests", "bookworm",
        [
            "systemd-sysv", "udev", "dpkg", "init-system-helpers", "initramfs-tools", "kmod", "busybox", "bash", "dash", "coreutils", "diffutils",
            "findutils", "grep", "gzip", "sed", "tar", "mount", "util-linux", "procps", "passwd", "base-files",
            "base-passwd", "debianutils", "hostname", "libc-bin", "login", "perl-base", "sysvinit-utils", "usr-is-merged",
        ],
        WithDependencies: true)
    {
        KeepsControl = true,
    };

    public static readonly PackageSet Lintian = new(
        "lintian", "Debian's checker of packages, for the tests", "bookworm", ["lintian"], WithDependencies: true);

    public static readonly PackageSet Libguestfs = new(
        "libguestfs", "guestfish and what its appliance is made of, for the tests", "bookworm", ["guestfish"], WithDependencies: true);

    public static readonly PackageSet UsbIp = new(
        "usbip", "the stock USB/IP client and usbreset, for guests", "bookworm", ["usbip", "iproute2", "usbutils"], WithDependencies: true);

    public static readonly PackageSet Libvirt = new(
        "libvirt", "libvirt's daemon and virsh, for the tests", "bookworm",
        ["libvirt-daemon", "libvirt-daemon-driver-qemu", "libvirt-clients"], WithDependencies: true);

    public static readonly PackageSet Desktop = new(
        "desktop", "an X server without a screen, SPICE's agent and xclip, for guests", "bookworm",
        ["xvfb", "spice-vdagent", "xclip", "dash"], WithDependencies: true);

    public static readonly PackageSet WaylandDesktop = new(
        "wayland", "Wayland compositors without a screen, with and without data control, and wl-clipboard, for guests", "bookworm",
        ["sway", "sway-backgrounds", "cage", "wl-clipboard", "dash", "coreutils"], WithDependencies: true);

    // Named one by one: gcc's dependencies would bring a compiler we do not use. 32 MB instead of 59.
    public static readonly PackageSet Toolchain = new(
        "toolchain", "a C linker, to build vmchannel on a machine without one", "bookworm",
        [
            "gcc-12", "libgcc-12-dev", "libgcc-s1", "libc6", "libc6-dev", "zlib1g",
            "binutils-x86-64-linux-gnu", "binutils-common", "libbinutils", "libctf0", "libctf-nobfd0", "libjansson4",
        ],
        WithDependencies: false)
    {
        Finish = LinkerToolchain.WriteWrappers,
    };

    public static IReadOnlyList<PackageSet> All { get; } =
        [Uml, Qemu, QemuUsb, Kernel, KernelCloud, Bubblewrap, Peers, UsbIp, Desktop, WaylandDesktop, Debian, Lintian, Libvirt, Libguestfs, Toolchain];

    public static PackageSet? Find(string name) => All.FirstOrDefault(set => set.Name == name);
}
