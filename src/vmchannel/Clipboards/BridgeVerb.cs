using System.CommandLine;
using VmChannel.Cli.Client;
using VmChannel.Cli.CommandLine;
using VmChannel.Control;

namespace VmChannel.Cli.Clipboards;

/// <summary><c>vmchannel clipboard bridge</c>: the host's desktop and several guests share one clipboard.</summary>
internal static class BridgeVerb
{
    private const string Manual = """
        vmchannel clipboard bridge - the desktop and guests share one clipboard

        Usage:
          vmchannel clipboard bridge [VM...] [--no-desktop] [--primary]

        What is copied on the desktop can be pasted in every guest, what is copied in a guest on the desktop and in the other
        guests, until Ctrl-C; no viewer is open. Without a VM, all VMs that have a clipboard now. The desktop is reached with
        xclip, which has to be installed; on Wayland it is reached through Xwayland. The channel's options direct what passes:
        with direction=host-to-guest a guest only gets.

          --no-desktop          guests among themselves; needs no xclip
          --primary             what was marked with the mouse, instead of what was copied

        Examples:
          vmchannel clipboard bridge
          vmchannel clipboard bridge web build

        Options:

        """;

    public static Command Create()
    {
        ClientOptions options = new();
        Argument<string[]> vms = new("VM") { Arity = ArgumentArity.ZeroOrMore };
        Option<bool> noDesktop = new("--no-desktop") { Description = "guests among themselves" };
        Option<bool> primary = new("--primary") { Description = "what was marked with the mouse" };
        ManualCommand command = new("bridge", "Let the desktop and guests share one clipboard.", Manual + ClientOptions.Manual) { vms, noDesktop, primary };
        options.AddTo(command);
        command.SetAction(async (parsed, _) =>
        {
            using StopSignals signals = new();
            ClipboardSelection selection = parsed.GetValue(primary) ? ClipboardSelection.Primary : ClipboardSelection.Clipboard;
            List<IClipboardSide> sides = [.. parsed.GetValue(noDesktop) ? [] : new[] { Desktop(selection) }];
            try
            {
                foreach (ClipboardChannel channel in await FindAsync(options.Read(parsed), parsed.GetValue(vms) ?? [], signals.Token))
                {
                    sides.Add(new GuestSide(channel, selection));
                }

                if (sides.Count < 2)
                {
                    throw new ControlException("there is nothing to bridge: one guest with a clipboard and the desktop, or two guests, are needed");
                }

                StandardStream.Complain($"one clipboard: {string.Join(", ", sides.Select(side => side.Name))}");
                using ClipboardBridge bridge = new(sides, StandardStream.Complain);
                await bridge.RunAsync(signals.Token);
            }
            catch (OperationCanceledException) when (signals.Token.IsCancellationRequested)
            {
                // Asked to end.
            }

            return 0;
        });
        return command;
    }

    private static DesktopSide Desktop(ClipboardSelection selection)
        => Environment.GetEnvironmentVariable("DISPLAY") is { Length: > 0 }
            ? new DesktopSide(selection)
            : throw new ControlException("there is no X11 desktop here (DISPLAY is not set): --no-desktop bridges guests alone");

    private static async Task<IReadOnlyList<ClipboardChannel>> FindAsync(ServerFinder servers, string[] vms, CancellationToken cancellation)
    {
        List<ClipboardChannel> channels = [];
        foreach (string vm in vms)
        {
            channels.Add(await ClipboardChannel.FindAsync(await servers.FindAsync(vm, cancellation), port: null, cancellation));
        }

        if (vms.Length > 0)
        {
            return channels;
        }

        foreach ((ControlClient client, IReadOnlyList<VmInfo> served) in await servers.ListAsync(cancellation))
        {
            foreach (VmInfo vm in served)
            {
                try
                {
                    channels.Add(await ClipboardChannel.FindAsync(new(client, vm.Name), port: null, cancellation));
                }
                catch (ControlException e)
                {
                    StandardStream.Complain(e.Message);
                }
            }
        }

        return channels;
    }
}
