using System.CommandLine;
using System.CommandLine.Parsing;
using System.Runtime.InteropServices;
using Microsoft.Extensions.Logging;
using VmChannel.Cli.Args;
using VmChannel.Cli.CommandLine;
using VmChannel.Cli.Config;
using VmChannel.Device.Chardevs;
using VmChannel.Device.VhostUser;
using VmChannel.Native;

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
        DeviceOptions device = new();
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
        device.AddTo(command);
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
            VhostUserEndpoint where = endpoint.TryRead(parsed)
                ?? throw new UsageException("serve: say where the VMM connects: --vhost-user PATH");
            if (plan.Ports.Count == 0)
            {
                throw new UsageException("serve: no channel: add -virtioserial protocol=NAME,char=unix:PATH,server");
            }

            VmPlan vm = new(ReadName(parsed.GetValue(name), where), plan, where, parsed.GetValue(inBand));
            return RunAsync([vm], null, lowest);
        });
        return command;
    }

    private static string ReadName(string? name, VhostUserEndpoint endpoint)
        => name is null ? VmName.For(endpoint)
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
            if (!onlyChecks)
            {
                return await RunAsync([.. config.Vms.Select(vm => vm.Plan)], (file, config), lowest);
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

    private static async Task<int> RunAsync(IReadOnlyList<VmPlan> vms, (string Path, ServerConfig Config)? file, LogLevel lowest)
    {
        using CancellationTokenSource stop = new();
        void OnSignal(PosixSignalContext context)
        {
            context.Cancel = true;
            stop.Cancel();
        }

        using PosixSignalRegistration terminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, OnSignal);
        using PosixSignalRegistration interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, OnSignal);
        using LineLog log = new(lowest);
        try
        {
            await using Server server = new(log);
            await using ConfigReload? reload = file is null ? null : new(file.Value.Path, file.Value.Config, server, log.CreateLogger<ConfigReload>());
            using PosixSignalRegistration? hangUp = reload?.FollowSignal();
            if (reload is not null)
            {
                await reload.StartAsync(stop.Token);
                server.Reload = reload.ReloadAsync;
            }
            else
            {
                _ = await server.AddAsync(vms[0], stop.Token);
            }

            using PosixSignalRegistration? resized = FollowTerminal(server);
            Announce(vms, lowest);
            if (reload is null)
            {
                ServiceManager.Ready();
            }
            else
            {
                ServiceManager.Ready(server.Summary);
            }

            // What a file describes may be another VM after the next reload.
            Task finished = reload is null ? server.Finished : Task.Delay(Timeout.Infinite, stop.Token);
            _ = await Task.WhenAny(finished, Task.Delay(Timeout.Infinite, stop.Token));
            ServiceManager.Stopping();
        }
        catch (OperationCanceledException)
        {
            // Told to stop while it waited for a first client.
        }

        return 0;
    }

    /// <summary>A console on this terminal has this terminal's size.</summary>
    private static PosixSignalRegistration? FollowTerminal(Server server)
    {
        VmHost? host = server.Vms.FirstOrDefault(vm => vm.Plan.Device.Ports.Any(port => port is { Spec.IsConsole: true, Chardev: ChardevSpec.Stdio }));
        if (host is null)
        {
            return null;
        }

        void Tell()
        {
            if (StdioChardev.TryGetSize(out TerminalSize size))
            {
                host.Resize(size);
            }
        }

        Tell();
        return PosixSignalRegistration.Create(PosixSignal.SIGWINCH, _ => Tell());
    }

    private static void Announce(IReadOnlyList<VmPlan> vms, LogLevel lowest)
    {
        if (lowest > LogLevel.Information)
        {
            return;
        }

        string text = string.Concat(vms.Select(vm => vm.Endpoint is VhostUserEndpoint.Listen(UnixAddress address)
            ? (vms.Count > 1 ? $"## {vm.Name}\n" : "") + FrontEndArgs.ForAll(Path.GetFullPath(address.Name), vm.Device.Settings.MaxPorts)
            : ""));
        if (vms.Any(vm => vm.Device.Ports.Any(port => port.Chardev is ChardevSpec.Stdio)))
        {
            // Standard output is a channel's.
            StandardStream.WriteError(text);
        }
        else
        {
            StandardStream.WriteOutput(text);
        }
    }
}
