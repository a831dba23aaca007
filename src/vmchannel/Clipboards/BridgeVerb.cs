using System.CommandLine;
using VmChannel.Cli.Client;
using VmChannel.Cli.CommandLine;
using VmChannel.Control;
using VmChannel.Desktop;

namespace VmChannel.Cli.Clipboards;

/// <summary><c>vmchannel clipboard bridge</c>: the host's desktop and several guests share one clipboard.</summary>
internal static class BridgeVerb
{
    private const string Manual = """
        vmchannel clipboard bridge - the desktop and guests share one clipboard

        Usage:
          vmchannel clipboard bridge [VM...] [--display NAME | --no-desktop] [--primary]

        What is copied on the desktop can be pasted in every guest, what is copied in a guest on the desktop and in the other
        guests, until Ctrl-C; no viewer is open. Without a VM, all VMs that have a clipboard now. The desktop is Wayland's where
        the compositor lets programs without a window have the clipboard (sway, KDE Plasma), else X11's. The channel's options
        direct what passes: with direction=host-to-guest a guest only gets.

          --display NAME        the desktop: :0 is X11's, wayland-1 or a path Wayland's; without it WAYLAND_DISPLAY, or else
                                DISPLAY, says which
          --no-desktop          guests among themselves
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
        Option<string?> display = new("--display") { HelpName = "NAME", Description = "the desktop's display" };
        Option<bool> noDesktop = new("--no-desktop") { Description = "guests among themselves" };
        Option<bool> primary = new("--primary") { Description = "what was marked with the mouse" };
        ManualCommand command = new("bridge", "Let the desktop and guests share one clipboard.", Manual + ClientOptions.Manual) { vms, display, noDesktop, primary };
        options.AddTo(command);
        command.SetAction(async (parsed, _) =>
        {
            using StopSignals signals = new();
            ClipboardSelection selection = parsed.GetValue(primary) ? ClipboardSelection.Primary : ClipboardSelection.Clipboard;
            if (parsed.GetValue(noDesktop) && parsed.GetValue(display) is not null)
            {
                throw new UsageException("--display names a desktop, and --no-desktop wants none");
            }

            using DesktopSide? desktop = parsed.GetValue(noDesktop) ? null : Desktop(parsed.GetValue(display), selection);
            List<IClipboardSide> sides = desktop is null ? [] : [desktop];
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

    private static DesktopSide Desktop(string? display, ClipboardSelection selection)
    {
        try
        {
            return new((Wire.VdAgent.ClipboardSelection)selection, () => DesktopSession.Open(display, StandardStream.Complain));
        }
        catch (IOException e)
        {
            throw new IOException($"{e.Message}; --no-desktop bridges guests alone", e);
        }
    }

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
