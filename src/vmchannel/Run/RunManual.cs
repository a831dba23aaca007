namespace VmChannel.Cli.Run;

/// <summary>The page <c>vmchannel run --help</c> shows.</summary>
internal static class RunManual
{
    public const string Text = """
        vmchannel run - run a command in a throw-away guest with these channels

        Usage:
          vmchannel run [options] [-virtioserial OPTIONS]... [-- command [argument]...]
          vmchannel run --transport usb [options] [-usbserial OPTIONS]... [-- command [argument]...]

        Boots a small virtual machine, runs the command in it (a shell if there is none), and takes everything away again.
        The command has this terminal, or plain standard streams where they are not one; its exit code is vmchannel's;
        Ctrl-C and the terminal's size reach it. The guest sees this machine's files read-only, with /tmp, /run and /dev
        of its own, and has no network. What it boots is fetched on first use. No root, no KVM.

          -virtioserial [port=N,]protocol=NAME[,char=CHARDEV][,service=NAME]
                                a channel, as often as wanted (see vmchannel serve --help)
          --transport usb       a guest in QEMU that has USB only: every channel, and what carries the command's own streams, is a
                                USB serial adapter; channels are given with -usbserial, whose options are the same
          --vm NAME             be the VMM of a VM that vmchannel serve serves: the guest has that VM's channels, and for
                                its time the run's own ports are plugged in there; plain streams only, no terminal. With --transport usb
                                the guest has that VM's USB adapters, served with --usbredir-dir, and no device
          --control PATH        that server's control socket, if not where servers have theirs
          --demo                two channels, their links in the guest, and a word each way through both
          --vmm uml             User Mode Linux: ready in about a second (the default)
          --vmm qemu            QEMU with a stock Debian kernel, emulated: ready in about ten
          --memory SIZE         guest memory, such as 512M or 2G (default 512M)
          --kernel PATH         a kernel of your own: a linux.uml program, or a bzImage with --vmm qemu; its modules are
                                looked for where packages put them (../lib/uml/modules, ../lib/modules/VERSION)
          --share DIR[:/PATH]   a folder the guest may write to, at the same place or at /PATH
          --poll-us N           the device looks around for up to N microseconds before it sleeps (see vmchannel serve --help)
          --keep                leave the guest's kernel messages and its command line behind, for a look
          -v, --verbose         log what happens to the channels
          -h, --help            this page

        The guest's monitor runs inside bubblewrap, in namespaces of its own, with this machine's files read-only. Where that
        is not possible run says so, and root in the guest can write what you can write.

        Examples:
          vmchannel run -virtioserial protocol=org.example.echo,service=echo
          vmchannel run --share . -- make test
          tar c src | vmchannel run -- sh -c 'cd /tmp && tar x && find src | wc -l'

        Exit codes: the command's; 128 + N when signal N ended it; 1 the guest failed, 2 the command line makes no sense.

        """;
}
