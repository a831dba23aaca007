using System.Runtime.InteropServices;
using Microsoft.Extensions.Logging;
using VmChannel.Cli.Args;
using VmChannel.Cli.CommandLine;
using VmChannel.Cli.Config;
using VmChannel.Cli.Control;
using VmChannel.Device.Chardevs;
using VmChannel.Device.Ports;
using VmChannel.Device.VhostUser;
using VmChannel.Native;

namespace VmChannel.Cli.Serve;

/// <summary>A server that is this whole process: its signals, its standard streams, and what it tells a service manager.</summary>
internal static class ServerProcess
{
    /// <summary>Serves until SIGTERM or SIGINT, or until no VM can come back.</summary>
    /// <param name="vms">The VMs to begin with.</param>
    /// <param name="control">Where the control API is to be.</param>
    /// <param name="source">The file the VMs come from, which may change; null = none.</param>
    /// <param name="loops">How its loops work.</param>
    /// <param name="lowest">Less important events are not logged.</param>
    /// <returns>The exit code.</returns>
    /// <exception cref="IOException">Something cannot start: the message says what, and nothing is left of the rest.</exception>
    public static async Task<int> RunAsync(IReadOnlyList<VmPlan> vms, ControlPlan control, ConfigSource? source, LoopPlan loops, LogLevel lowest)
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
            await using Server server = new(log, listeners.Names, loops);
            await using ControlServer api = new(server, listeners, log);
            await using ConfigReload? reload = source is null ? null : new(source, server, log.CreateLogger<ConfigReload>());

            // First in the queue, whenever a signal asks for a reload.
            Task started = reload?.StartAsync(stop.Token) ?? Task.CompletedTask;
            using PosixSignalRegistration? hangUp = reload?.FollowSignal();
            if (reload is not null)
            {
                await started;
                server.Reload = reload.ReloadAsync;
            }
            else
            {
                foreach (VmPlan vm in vms)
                {
                    _ = await server.AddAsync(vm, stop.Token);
                }
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
            Task stopped = Task.Delay(Timeout.Infinite, stop.Token);
            _ = await Task.WhenAny(reload is null ? server.Finished : stopped, stopped);
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

    private static string ArgumentsOf(VmPlan vm)
    {
        string[] adapters = [.. vm.Device.Ports.Where(port => port.Spec.Transport == PortTransport.UsbSerial).Select(port => port.Spec.Protocol!)];
        return (vm.Endpoint is VhostUserEndpoint.Listen(UnixAddress address) ? FrontEndArgs.ForAll(Path.GetFullPath(address.Name), vm.Device.Settings.MaxPorts) : "")
            + (adapters.Length == 0 || vm.Usb is not { } usb ? ""
                : usb.UsbIp is { } endpoint ? UsbIpArgs.For(endpoint, vm.Device.Ports)
                : $"# QEMU with usb-redir, any version\n{FrontEndArgs.ForUsb(usb, adapters)}");
    }

    private static void Announce(IReadOnlyList<VmPlan> vms, LogLevel lowest)
    {
        if (lowest > LogLevel.Information)
        {
            return;
        }

        string text = string.Concat(vms.Select(vm => (vms.Count > 1 ? $"## {vm.Name}\n" : "") + ArgumentsOf(vm)));
        if (vms.Any(vm => vm.Device.Ports.Any(port => port.Chardev is ChardevSpec.Stdio)))
        {
            // Standard output is a channel's.
            StandardStream.WriteError(text);
        }
        else
        {
            StandardStream.Mention(text);
        }
    }
}
