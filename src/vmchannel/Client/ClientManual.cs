namespace VmChannel.Cli.Client;

/// <summary>The pages of the commands that talk to a running server, up to the options all of them have.</summary>
internal static class ClientManual
{
    public const string Vms = """
        vmchannel vms - list the VMs that are served

        Usage:
          vmchannel vms [VM]

        STATE: no VMM = nothing is connected to the VM's socket; no driver = the guest has none for the device (yet);
        running; suspended = the guest is paused; broken = the guest broke the device.

        Examples:
          vmchannel vms
          vmchannel vms --json | jq -r '.[].name'

        Options:

        """;

    public const string Ports = """
        vmchannel ports - list a VM's ports

        Usage:
          vmchannel ports [VM]

        GUEST: open = a program in the guest has the port open. HOST: open = somebody is there on the host.
        STATE: stalled = bytes wait and none move, and why; throttled = the host end, or a limit, takes less than the
        guest writes; suspended = the guest is paused.

        Examples:
          vmchannel ports
          vmchannel ports web --json | jq '.[] | select(.stalledSince)'

        Options:

        """;

    public const string Inspect = """
        vmchannel inspect - show all that is known about a VM

        Usage:
          vmchannel inspect [VM]

        A tree of the front-end, what was negotiated with it, its queues, the device, and each port with its counters.

        Examples:
          vmchannel inspect web
          vmchannel inspect web --json | jq .frontEnd.queues

        Options:

        """;

    public const string Watch = """
        vmchannel watch - show what happens, as it happens

        Usage:
          vmchannel watch [VM]

        A line for each event: ports plugged, opened, closed, throttled, stalled; front-ends and clients that come and go.
        Without a VM, those of all servers. Ends with Ctrl-C, or when a server ends.

        Examples:
          vmchannel watch web
          vmchannel watch --json | jq -c 'select(.kind == "stalled")'

        Options:

        """;

    public const string Plug = """
        vmchannel plug - plug a port in while the VM runs

        Usage:
          vmchannel plug [VM] OPTIONS

        OPTIONS are those of -virtioserial (vmchannel serve --help). The guest sees the port at once, on every VMM: the
        device was made with room for it (serve --max-ports). Without port= the lowest free number is taken.

        Examples:
          vmchannel plug web protocol=org.example.debug,char=unix:/run/debug.sock,server
          vmchannel plug protocol=org.qemu.clipboard

        Options:

        """;

    public const string Unplug = """
        vmchannel unplug - take a port out

        Usage:
          vmchannel unplug [VM] PORT

        PORT is its number, its name, or the end of its name when no other ends so: clipboard for org.qemu.clipboard.
        A program in the guest that has it open sees it vanish (ENODEV); what was not delivered yet is lost.

        Examples:
          vmchannel unplug web 4
          vmchannel unplug clipboard

        Options:

        """;

    public const string Set = """
        vmchannel set - change a port while its guest has it open

        Usage:
          vmchannel set [VM] PORT OPTIONS

        What OPTIONS name is changed, the rest stays: another char= or service= takes the host end's place, and limits
        and policies change at once. The guest keeps the port open, and no byte is lost. Number and name cannot change.

        Examples:
          vmchannel set web clipboard char=unix:/run/other.sock,server
          vmchannel set web 4 rate=1M,on-disconnect=discard

        Options:

        """;

    public const string Reload = """
        vmchannel reload - have a server read its configuration file again

        Usage:
          vmchannel reload [VM]

        Of the server that has this VM, or is at --control. The file is checked as a whole first; then VMs and ports that
        are new, gone or changed are, and all others are not touched. Errors change nothing.

        Examples:
          vmchannel reload
          vmchannel reload --control /run/vmchannel/host1.sock

        Options:

        """;
}
