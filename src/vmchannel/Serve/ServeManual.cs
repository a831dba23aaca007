namespace VmChannel.Cli.Serve;

/// <summary>The page <c>vmchannel serve --help</c> shows.</summary>
internal static class ServeManual
{
    public const string Text = """
        vmchannel serve - serve the channels of VMs

        Usage:
          vmchannel serve --vhost-user PATH -virtioserial OPTIONS... [-virtconsole [OPTIONS]]
          vmchannel serve --usbredir PATH|--usbredir-dir DIR -usbserial OPTIONS...
          vmchannel serve --config FILE [--check]

        A virtio-serial device outside the VMM: every -virtioserial is a named channel. The guest finds it as
        /dev/vmchannel/ followed by its name with dots turned into slashes. Runs in the foreground until SIGTERM or
        Ctrl-C; on start it prints what the VMM needs.

        Where the VMM is met (one of):
          --vhost-user PATH     listen on this unix socket (also --socket-path)
          --connect PATH        connect to this unix socket, on which the VMM listens
          --fd N                use this inherited socket, connected or listening
          --qmp PATH            plug the channels into the virtio-serial of a running QEMU, whose monitor is this socket;
                                with --leave-ports they stay there at the end, for the next server
          --attach NAME=unix:PATH[,server]
                                a port the VMM has already, by its name, and the socket behind it (repeat it)
        For PATH, systemd:NAME is a socket that systemd opened (FileDescriptorName=NAME).

        Where QEMU fetches USB serial adapters, for guests without virtio (at most one of them):
          --usbredir PLACE      listen here for the one adapter; PLACE is a path or tcp:ADDRESS:PORT
          --usbredir-connect PLACE  connect to here instead
          --usbredir-dir DIR    listen on DIR/NAME.sock for each adapter
          --usbip ADDRESS:PORT  listen here for guests that import -usbserial adapters over USB/IP; with --usbip-open
                                also on an address that other machines reach

        Channels:
          -virtioserial [port=N,]protocol=NAME[,char=CHARDEV][,service=NAME][,on-disconnect=hold|discard]
            port=N              number in the guest, from 1 on (also nr=); without it, the lowest free one
            protocol=NAME       such as org.qemu.clipboard (also name=)
            char=CHARDEV        what serves it; without it, the service built in for the protocol
            service=NAME        a built-in service for any protocol: clipboard, log, echo, sink, source
            on-disconnect=hold  while nobody is there the guest waits, and nothing is lost (the default)
            on-disconnect=discard  the guest's bytes are dropped instead
            on-guest-close=keep  a client stays when the guest's program closes the port (the default)
            on-guest-close=disconnect  it is disconnected then: each opening in the guest is a connection of its own
            rate=SIZE           bytes per second, each way: 1000, 64K, 1M
            buffer=SIZE         kept for a console, and for each client that does not hold the channel (256K)
            history=SIZE        the guest's last bytes, which a late client gets first (0)
            readonly, writeonly clients may only read, or only write
            logfile=PATH        what the guest writes, with logappend=on, logsize=SIZE, logkeep=N
            transport=usb       the same as -usbserial, for plug and for files
          -usbserial OPTIONS    the same channel as a USB serial adapter; NAME has at most 116 characters
            adapter=ftdi|acm    what it is to the guest's drivers: an FT232H of FTDI (the default), or a modem of the
                                class CDC ACM, which is faster with Linux (cdc_acm, /dev/ttyACM0)
          -virtconsole [char=CHARDEV]
                                a console, hvc0 in the guest, on this terminal unless it has a chardev;
                                also with buffer=, history=, readonly, writeonly and logfile=

        Chardevs (two commas stand for one in a path):
          unix:PATH[,server][,wait][,reconnect-ms=N]     also unix:@NAME
          tcp:HOST:PORT[,server][,wait][,nodelay][,reconnect-ms=N]
          socket,path=PATH|host=HOST,port=N[,server=on][,wait=on][,abstract=on][,ipv4=off][,ipv6=off]
          ws:HOST:PORT[/PATH][,server][,origin=URL]...   a WebSocket; wss: with TLS
            tls[,tls-cert=FILE][,tls-key=FILE][,tls-ca=FILE][,tls-name=NAME][,tls-allow=NAME/...]
                                TLS on tcp, socket and ws: ours, whom to trust, who may connect
          pty[,path=LINK]       a pseudo-terminal, and a link to it
          file:PATH[,append=on][,input-path=PATH]
          pipe:PATH             PATH.in and PATH.out, made with mkfifo
          stdio[,signal=off]    this terminal; with signal=off, Ctrl-C goes to the guest
          fd:N                  an inherited descriptor
          null                  takes all, gives nothing
        Servers (unix, tcp) also take:
          clients=N[,mode=first|broadcast][,writers=one|all]
                                several clients: each in its turn, or all at once
          allow=uid:U/gid:G     unix only: who may connect, by number or name

        Several VMs:
          --config FILE         serve the VMs of this TOML file, with keys like these options (docs/config-file.md);
                                SIGHUP, or vmchannel reload, applies what differs in it by then
          --check               only say what is wrong with the file, with line numbers

        Other options:
          --name NAME           what to call the VM; without it, as its socket's file: vm1.sock is vm1
          --control PATH|none   unix socket of the control API (docs/control.md), for vmchannel ports, plug, watch …;
                                without it $XDG_RUNTIME_DIR/vmchannel/NAME.sock (root: /run/vmchannel/NAME.sock)
          --control-tcp ADDRESS:PORT --control-token-file FILE
                                the control API on TCP as well, for clients that have the token in FILE
          --max-ports N         ports the device has room for, the console's included (1 to 127, default 31)
          --resize-order old    for guests with a Linux before 6.15: rows before columns
          --no-wake-nudge       do not wake writers that Linux's driver forgets
          --in-band-notifications
                                offer kicks and calls as messages: for UML in simulated time, slow otherwise
          --poll-us N           look around for up to N microseconds before sleeping: answers come sooner, for processor time
                                while there is traffic (0 to 1000, default 0)
          --loops N|auto        threads that serve VMs, which are spread over them (default auto: one for each processor)
          --print-capabilities  print what this back-end is, as JSON, and exit
          -v, --verbose         log more
          -q, --quiet           log only warnings and errors, print no arguments
          -h, --help            this page

        Examples:
          vmchannel serve --vhost-user vm1.sock -virtioserial protocol=org.qemu.clipboard
          vmchannel serve --vhost-user vm1.sock \
            -virtioserial port=4,protocol=org.qemu.clipboard \
            -virtioserial port=2,protocol=org.libguestfs.fish,char=unix:/run/fish.sock
          vmchannel serve --vhost-user vm1.sock -virtioserial protocol=org.example.log,service=log,path=guest.log

        Exit codes: 0 stopped, 1 something failed, 2 the command line or the file makes no sense.

        """;
}
