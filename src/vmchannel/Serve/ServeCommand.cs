using System.CommandLine;
using System.Runtime.InteropServices;
using Microsoft.Extensions.Logging;
using VmChannel.Cli.Args;
using VmChannel.Cli.CommandLine;
using VmChannel.Cli.Control;
using VmChannel.Device.Chardevs;
using VmChannel.Device.VhostUser;
using VmChannel.Native;

namespace VmChannel.Cli.Serve;

/// <summary><c>vmchannel serve</c>: is the device of one VM until it is told to stop.</summary>
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
        ControlOptions control = new();
        Option<bool> verbose = new("--verbose", "-v") { Description = "log more" };
        Option<bool> quiet = new("--quiet", "-q") { Description = "log only warnings and errors, print no arguments" };
        Option<bool> capabilities = new("--print-capabilities") { Description = "print what this back-end is, and exit" };
        Option<bool> inBand = new("--in-band-notifications") { Description = "offer kicks and calls as messages, for simulated time" };
        Option<string> name = new("--name") { HelpName = "NAME", Description = "what to call the VM (default: as its socket's file)" };
        ManualCommand command = new("serve", "Serve the channels of one VM.", ServeManual.Text) { verbose, quiet, capabilities, inBand, name };
        endpoint.AddTo(command);
        device.AddTo(command);
        control.AddTo(command);
        command.SetAction((parsed, _) =>
        {
            if (parsed.GetValue(capabilities))
            {
                StandardStream.WriteOutput(Capabilities);
                return Task.FromResult(0);
            }

            DevicePlan plan = device.Read(parsed);
            VhostUserEndpoint where = endpoint.TryRead(parsed)
                ?? throw new UsageException("serve: say where the VMM connects: --vhost-user PATH");
            if (plan.Ports.Count == 0)
            {
                throw new UsageException("serve: no channel: add -virtioserial protocol=NAME,char=unix:PATH,server");
            }

            LogLevel lowest = parsed.GetValue(verbose) ? LogLevel.Debug : parsed.GetValue(quiet) ? LogLevel.Warning : LogLevel.Information;
            return RunAsync(new VmPlan(ReadName(parsed.GetValue(name), where), plan, where, parsed.GetValue(inBand)), control.Read(parsed), lowest);
        });
        return command;
    }

    private static string ReadName(string? name, VhostUserEndpoint endpoint)
        => name is null ? VmName.For(endpoint)
            : VmName.IsValid(name, out string? reason) ? name
            : throw new UsageException($"--name {name}: the name {reason}");

    private static async Task<int> RunAsync(VmPlan plan, ControlPlan control, LogLevel lowest)
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
            using ControlListeners listeners = ControlListeners.Open(control, log);
            await using Server server = new(log, listeners.Names);
            await using ControlServer api = new(server, listeners, log);
            VmHost host = await server.AddAsync(plan, stop.Token);
            using PosixSignalRegistration? resized = FollowTerminal(plan.Device, host);
            Announce(plan.Device, plan.Endpoint, lowest);
            ServiceManager.Ready();
            _ = await Task.WhenAny(server.Finished, Task.Delay(Timeout.Infinite, stop.Token));
            ServiceManager.Stopping();
        }
        catch (OperationCanceledException)
        {
            // Told to stop while it waited for a first client.
        }

        return 0;
    }

    /// <summary>A console on this terminal has this terminal's size.</summary>
    private static PosixSignalRegistration? FollowTerminal(DevicePlan plan, VmHost host)
    {
        if (!plan.Ports.Any(port => port is { Spec.IsConsole: true, Chardev: ChardevSpec.Stdio }))
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

    private static void Announce(DevicePlan plan, VhostUserEndpoint endpoint, LogLevel lowest)
    {
        if (endpoint is not VhostUserEndpoint.Listen(UnixAddress address) || lowest > LogLevel.Information)
        {
            return;
        }

        string text = FrontEndArgs.ForAll(Path.GetFullPath(address.Name), plan.Settings.MaxPorts);
        if (plan.Ports.Any(port => port.Chardev is ChardevSpec.Stdio))
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
