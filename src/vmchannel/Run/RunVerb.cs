using System.CommandLine;
using System.Globalization;
using Microsoft.Extensions.Logging;
using VmChannel.Cli.Client;
using VmChannel.Cli.CommandLine;
using VmChannel.Cli.Serve;
using VmChannel.Control;
using PortTransport = VmChannel.Device.Ports.PortTransport;

namespace VmChannel.Cli.Run;

/// <summary><c>vmchannel run</c>: a command in a throw-away guest with these channels.</summary>
internal static class RunVerb
{
    private const int Failure = 1;

    public static Command Create()
    {
        Option<string> vmm = new("--vmm");
        Option<string> carrier = new("--transport");
        Option<string> memory = new("--memory");
        Option<string> kernel = new("--kernel");
        Option<string[]> share = new("--share");
        Option<bool> keep = new("--keep");
        Option<bool> verbose = new("--verbose", "-v");
        Option<bool> demo = new("--demo");
        Option<string> vm = new("--vm");
        Option<string> control = new("--control");
        Argument<string[]> command = new("command") { Arity = ArgumentArity.ZeroOrMore };
        DeviceOptions device = new();
        LoopOptions loops = new();
        ManualCommand verb = new("run", "Run a command in a throw-away guest with these channels.", RunManual.Text)
        {
            vmm, carrier, memory, kernel, share, keep, verbose, demo, vm, control, command,
        };
        device.AddTo(verb);
        loops.AddTo(verb, withLoops: false);
        verb.SetAction(async (parsed, _) =>
        {
            using RunDemo? show = parsed.GetValue(demo) ? new RunDemo() : null;
            if (show is not null && (parsed.GetValue(command)?.Length > 0 || device.HasPorts(parsed)))
            {
                throw new UsageException("run: --demo brings its own channels and command: leave yours out");
            }

            PortTransport transport = TransportOf(parsed.GetValue(carrier));
            bool isUsb = transport == PortTransport.UsbSerial;
            string option = isUsb ? "-usbserial" : "-virtioserial";
            DevicePlan plan = device.Read(show is null ? parsed : verb.Parse([.. show.Ports.SelectMany(port => new[] { option, port })]));
            if (plan.Ports.Any(port => port.Spec.IsConsole))
            {
                throw new UsageException("run: the console is the command's: leave -virtconsole out");
            }

            if (plan.Ports.Any(port => port.Spec.Transport != transport))
            {
                throw new UsageException(isUsb
                    ? "run: with --transport usb the guest has USB adapters only: give its channels with -usbserial"
                    : "run: its guest has a virtio-serial device: give the channel with -virtioserial, or add --transport usb");
            }

            LoopPlan loop = loops.Read(parsed);
            if (loop.Poll > TimeSpan.Zero && parsed.GetValue(vm) is not null)
            {
                throw new UsageException("run: --poll-us is for a device of its own: with --vm, give it to vmchannel serve");
            }

            VmTarget? served = await FindServedAsync(parsed.GetValue(vm), parsed.GetValue(control), device.HasPorts(parsed) || show is not null);
            string[] words = parsed.GetValue(command) ?? [];
            if (words is [['-', ..], ..])
            {
                throw new UsageException($"run: unknown option {words[0]}");
            }

            RunOptions options = new(
                VmmOf(parsed.GetValue(vmm), isUsb),
                MemoryOf(parsed.GetValue(memory)),
                parsed.GetValue(kernel),
                [.. (parsed.GetValue(share) ?? []).Select(SharedFolder.Parse)],
                parsed.GetValue(keep),
                show is null ? words : RunDemo.Command)
            {
                Transport = transport,
                Loops = loop,
            };
            if (options.Vmm == Vmm.Uml && plan.Settings.MaxPorts > UmlCommand.MaxPorts)
            {
                throw new UsageException($"run: UML carries {UmlCommand.MaxPorts} ports, the console's included: lower --max-ports, or use --vmm qemu");
            }

            show?.Start(isUsb);
            return await RunAsync(options, plan, served, parsed.GetValue(verbose) ? LogLevel.Information : LogLevel.Warning);
        });
        return verb;
    }

    /// <summary>The VM whose device the guest is to have; null = one of its own.</summary>
    private static async Task<VmTarget?> FindServedAsync(string? vm, string? control, bool hasPorts)
    {
        if (vm is null)
        {
            return control is null ? null : throw new UsageException("run: --control says where --vm is served: add --vm NAME");
        }

        if (hasPorts)
        {
            throw new UsageException("run: --vm runs with the ports that VM has: plug others in with vmchannel plug");
        }

        ControlAddress? address = null;
        return control is null || ControlAddress.TryParse(control, out address, out string? reason)
            ? await new ServerFinder(ServerFolder.All, address, token: null).FindAsync(vm, CancellationToken.None)
            : throw new UsageException($"run: --control {control} {reason}");
    }

    private static PortTransport TransportOf(string? text) => text switch
    {
        null or "virtio" => PortTransport.VirtioSerial,
        "usb" => PortTransport.UsbSerial,
        _ => throw new UsageException($"--transport {text}: say virtio or usb"),
    };

    private static Vmm VmmOf(string? text, bool isUsb) => text switch
    {
        null => isUsb ? Vmm.Qemu : Vmm.Uml,
        "uml" => isUsb ? throw new UsageException("--vmm uml: UML has no USB: leave it out, or say --vmm qemu") : Vmm.Uml,
        "qemu" => Vmm.Qemu,
        _ => throw new UsageException($"--vmm {text}: say uml or qemu"),
    };

    private static int MemoryOf(string? text)
    {
        if (text is null)
        {
            return RunOptions.DefaultMemoryMiB;
        }

        // As QEMU's -m: a plain number is MiB.
        int unit = text.EndsWith('G') ? 1024 : 1;
        return int.TryParse(text.TrimEnd('G', 'M'), NumberStyles.None, CultureInfo.InvariantCulture, out int number)
            && (long)number * unit is >= RunOptions.MinMemoryMiB and <= RunOptions.MaxMemoryMiB
            ? number * unit
            : throw new UsageException(
                $"--memory {text}: a size such as 512M or 2G is needed, from {RunOptions.MinMemoryMiB}M to {RunOptions.MaxMemoryMiB / 1024}G");
    }

    private static async Task<int> RunAsync(RunOptions options, DevicePlan plan, VmTarget? served, LogLevel lowest)
    {
        using RunSignals signals = new();
        using LineLog log = new(lowest);
        try
        {
            return await new RunSession(options, plan, served, signals, log).RunAsync();
        }
        catch (OperationCanceledException) when (signals.Abort.IsCancellationRequested)
        {
            return 128 + signals.Last;
        }
        catch (Exception error) when (CommandRunner.IsForeseen(error))
        {
            StandardStream.WriteError($"vmchannel: run: {error.Message}\n");
            return Failure;
        }
    }
}
