using System.CommandLine;
using System.CommandLine.Parsing;
using Microsoft.Extensions.Logging;
using VmChannel.Cli.CommandLine;
using VmChannel.Cli.Config;
using VmChannel.Cli.Control;
using VmChannel.Device;
using VmChannel.Device.Options;
using VmChannel.Device.Ports;
using VmChannel.Device.Qmp;

namespace VmChannel.Cli.Serve;

/// <summary><c>vmchannel serve</c>: is the device of one VM, or of all VMs of a file, until it is told to stop.</summary>
internal static class ServeCommand
{
    /// <summary>What a management program asks a vhost-user back-end for before it starts it (QEMU's vhost-user.json).</summary>
    private const string Capabilities = """
        {
          "type": "console",
          "features": []
        }

        """;

    public static Command Create()
    {
        EndpointOptions endpoint = new();
        UsbOptions usb = new();
        DeviceOptions device = new();
        ControlOptions control = new();
        LoopOptions loops = new();
        Option<bool> verbose = new("--verbose", "-v") { Description = "log more" };
        Option<bool> quiet = new("--quiet", "-q") { Description = "log only warnings and errors, print no arguments" };
        Option<bool> capabilities = new("--print-capabilities") { Description = "print what this back-end is, and exit" };
        Option<bool> inBand = new("--in-band-notifications") { Description = "offer kicks and calls as messages, for simulated time" };
        Option<string> name = new("--name") { HelpName = "NAME", Description = "what to call the VM (default: as its socket's file)" };
        Option<string> config = new("--config") { HelpName = "FILE", Description = "serve the VMs of this TOML file; SIGHUP reads it again" };
        Option<bool> check = new("--check") { Description = "with --config: only say what is wrong with the file" };
        ManualCommand command = new("serve", "Serve the channels of VMs.", ServeManual.Text)
        {
            verbose, quiet, capabilities, inBand, name, config, check,
        };
        Option[] besideConfig = [.. command.Options];
        endpoint.AddTo(command);
        usb.AddTo(command);
        device.AddTo(command);
        control.AddTo(command);
        loops.AddTo(command, withLoops: true);
        command.SetAction((parsed, _) =>
        {
            if (parsed.GetValue(capabilities))
            {
                StandardStream.WriteOutput(Capabilities);
                return Task.FromResult(0);
            }

            LogLevel lowest = parsed.GetValue(verbose) ? LogLevel.Debug : parsed.GetValue(quiet) ? LogLevel.Warning : LogLevel.Information;
            if (parsed.GetValue(config) is string file)
            {
                RefuseOthers(parsed, [.. besideConfig.Except([inBand, name])]);
                return ServeFileAsync(file, parsed.GetValue(check), lowest);
            }

            if (parsed.GetValue(check))
            {
                throw new UsageException("serve: --check looks at a file: add --config FILE");
            }

            DevicePlan plan = device.Read(parsed);
            VmEndpoint? where = endpoint.TryRead(parsed);
            UsbPlan? adapters = usb.TryRead(parsed);
            if (plan.Ports.Count == 0)
            {
                throw new UsageException("serve: no channel: add -virtioserial protocol=NAME,char=unix:PATH,server");
            }

            CheckPlaces(plan, where, adapters);
            VmPlan vm = new(ReadName(parsed.GetValue(name), where, adapters), plan, where, parsed.GetValue(inBand)) { Usb = adapters };
            return ServerProcess.RunAsync([vm], control.Read(parsed), null, loops.Read(parsed), lowest);
        });
        return command;
    }

    /// <summary>Each kind of port needs a place where the VMM gets it.</summary>
    private static void CheckPlaces(DevicePlan plan, VmEndpoint? where, UsbPlan? adapters)
    {
        PortPlan[] usb = [.. plan.Ports.Where(port => port.Spec.Transport == PortTransport.UsbSerial)];
        string? nameless = where is SocketsEndpoint sockets
            ? plan.Ports.FirstOrDefault(port => sockets.Sockets.All(socket => socket.Protocol != port.Spec.Protocol))?.Spec.ToString()
            : null;
        string? error = nameless is not null ? $"{nameless} has no socket: add --attach NAME=unix:PATH with its name"
            : where is null && usb.Length < plan.Ports.Count ? "say where the VMM connects: --vhost-user PATH (or --qmp PATH for the virtio-serial of a running QEMU)"
            : where is null && adapters is null ? "say where the VMM connects: --usbredir PATH"
            : adapters is null && usb.Length > 0 ? "say where the VMM fetches the USB adapters: --usbredir PATH, or --usbredir-dir DIR or --usbip ADDRESS:PORT for several"
            : adapters?.Single is not null && usb.Length > 1 ? $"{adapters.Single} carries one adapter, and there are {usb.Length}: use --usbredir-dir DIR"
            : null;
        if (error is not null)
        {
            throw new UsageException($"serve: {error}");
        }
    }

    private static string ReadName(string? name, VmEndpoint? endpoint, UsbPlan? usb)
        => name is null ? VmName.For(endpoint, usb)
            : VmName.IsValid(name, out string? reason) ? name
            : throw new UsageException($"--name {name}: the name {reason}");

    /// <summary>What describes a VM is in the file, or else on the command line: both would contradict each other at the next reload.</summary>
    private static void RefuseOthers(ParseResult parsed, Option[] allowed)
    {
        if (parsed.CommandResult.Children.OfType<OptionResult>().FirstOrDefault(given => !given.Implicit && !allowed.Contains(given.Option)) is OptionResult other)
        {
            throw new UsageException($"serve: --config and {other.Option.Name} exclude each other: write it into the file");
        }
    }

    private static async Task<int> ServeFileAsync(string file, bool onlyChecks, LogLevel lowest)
    {
        try
        {
            ServerConfig config = await ConfigFile.ReadAsync(file, CancellationToken.None);
            ControlPlan control = ConfigFile.ReadControl(file, config.Control);
            if (!onlyChecks)
            {
                return await ServerProcess.RunAsync([.. config.Vms.Select(vm => vm.Plan)], control, new ConfigSource(file, config), config.Loops, lowest);
            }

            StandardStream.WriteOutput($"{file}: good; VMs: {config.Vms.Count}, ports: {config.Vms.Sum(vm => vm.Ports.Count)}\n");
            return 0;
        }
        catch (ConfigException e)
        {
            // As compilers print them, so that editors find the lines.
            StandardStream.WriteError(string.Concat(e.Errors.Select(error => $"{StandardStream.Printable(error)}\n")));
            return CommandRunner.Usage;
        }
    }
}
