using System.CommandLine;
using VmChannel.Cli.CommandLine;
using VmChannel.Cli.Serve;
using VmChannel.Device;
using VmChannel.Device.Chardevs;
using VmChannel.Device.Ports;
using VmChannel.Device.Qmp;
using VmChannel.Device.UsbIp;
using VmChannel.Device.VhostUser;

namespace VmChannel.Cli.Args;

/// <summary><c>vmchannel args VMM</c>: prints what the VMM needs for a device that <c>serve</c> would make of the same options.</summary>
internal static class ArgsCommand
{
    private const string Manual = """
        vmchannel args - print what a VMM needs to use a device

        Usage:
          vmchannel args qemu|uml|crosvm|libkrun --vhost-user PATH [options of serve]
          vmchannel args qemu --qmp PATH [options of serve]
          vmchannel args qemu --usbredir PATH|--usbredir-dir DIR -usbserial OPTIONS
          vmchannel args usbip --usbip ADDRESS:PORT -usbserial OPTIONS

        Takes the options of "vmchannel serve", checks them and prints the arguments of one VMM for the device they
        describe. Nothing is opened or started. PATH is where "vmchannel serve" listens; with --qmp, where QEMU does.
        For usbip it is what a Linux guest runs, whatever its VMM.

        Examples:
          linux mem=256M $(vmchannel args uml --vhost-user /run/vm1.sock) root=...
          vmchannel args qemu --vhost-user /run/vm1.sock --max-ports 64
          vmchannel args qemu --qmp PATH [options of serve]
          vmchannel args qemu --usbredir /run/vm1.usb -usbserial protocol=org.example.api
          vmchannel args usbip --usbip 127.0.0.1:3240 -usbserial protocol=org.example.api

        """;

    private const string UsbIp = "usbip";

    private static readonly string[] Names = [.. Enum.GetNames<FrontEnd>().Select(name => name.ToLowerInvariant()), UsbIp];

    public static Command Create()
    {
        Argument<string> name = new("vmm") { Description = "qemu, uml, crosvm, libkrun or usbip" };
        EndpointOptions endpoint = new();
        UsbOptions usb = new();
        DeviceOptions device = new();
        ManualCommand command = new("args", "Print what a VMM needs to use a device.", Manual) { name };
        endpoint.AddTo(command);
        usb.AddTo(command);
        device.AddTo(command);
        command.SetAction(parsed => Run(parsed.GetRequiredValue(name), endpoint.TryRead(parsed), usb.TryRead(parsed), device.Read(parsed)));
        return command;
    }

    private static int Run(string name, VmEndpoint? endpoint, UsbPlan? usb, DevicePlan plan)
    {
        int index = Array.IndexOf(Names, name);
        if (index < 0)
        {
            throw new UsageException($"args {name}: no such VMM: {Spelling.Hint(name, Names)}");
        }

        if (name == UsbIp)
        {
            StandardStream.WriteOutput(ForUsbIp(usb?.UsbIp, plan));
            return 0;
        }

        FrontEnd frontEnd = Enum.GetValues<FrontEnd>()[index];
        string[] adapters = [.. plan.Ports.Where(port => port.Spec.Transport == PortTransport.UsbSerial).Select(port => port.Spec.Protocol!)];
        if (usb?.UsbIp is not null)
        {
            throw new UsageException($"args {name}: no VMM carries USB/IP, the guest imports the adapters itself: args usbip");
        }

        if (adapters.Length > 0 && frontEnd != FrontEnd.Qemu)
        {
            throw new UsageException($"args {name}: only QEMU fetches USB adapters: leave -usbserial out");
        }

        if (endpoint is SocketsEndpoint)
        {
            throw new UsageException("args: --attach uses ports that the VMM has already");
        }

        if (endpoint is QmpEndpoint qmp)
        {
            StandardStream.WriteOutput(frontEnd == FrontEnd.Qemu
                ? FrontEndArgs.ForMonitor(Path.GetFullPath(qmp.Monitor.Name), plan.Settings.MaxPorts)
                : throw new UsageException($"args {name}: only QEMU has a monitor: args qemu --qmp PATH"));
        }
        else if (endpoint is not null || usb is null || adapters.Length == 0)
        {
            string socket = endpoint is VhostUserEndpoint.Listen(var address)
                ? Path.GetFullPath(address.Name)
                : throw new UsageException("args: say where serve listens: --vhost-user PATH, or --usbredir PATH with -usbserial");
            if (FrontEndArgs.FindObstacle(frontEnd, socket, plan.Settings.MaxPorts) is string obstacle)
            {
                throw new UsageException($"args {name}: {obstacle}");
            }

            StandardStream.WriteOutput(FrontEndArgs.For(frontEnd, socket, plan.Settings.MaxPorts));
        }

        if (usb is not null && adapters.Length > 0)
        {
            StandardStream.WriteOutput(FrontEndArgs.ForUsb(usb, adapters));
        }

        return 0;
    }
    private static string ForUsbIp(UsbIpEndpoint? endpoint, DevicePlan plan)
        => endpoint is null ? throw new UsageException("args usbip: say where serve listens: --usbip ADDRESS:PORT")
            : endpoint.Address.Port == 0 ? throw new UsageException($"args usbip: the system chooses the port of --usbip {endpoint} when serve starts, which prints this then: give a port")
            : plan.Ports.All(port => port.Spec.Transport != PortTransport.UsbSerial) ? throw new UsageException("args usbip: give the adapters with -usbserial")
            : UsbIpArgs.For(endpoint, plan.Ports);
}
