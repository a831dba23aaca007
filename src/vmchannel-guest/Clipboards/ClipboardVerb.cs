using System.CommandLine;
using System.Text;
using VmChannel.Desktop;
using VmChannel.Guest;
using VmChannel.GuestTool.Handlers;

namespace VmChannel.GuestTool.Clipboards;

/// <summary><c>clipboard</c>: shares the desktop's clipboard with the host, or copies and pastes a text, where no SPICE agent does.</summary>
internal static class ClipboardVerb
{
    // Ours, and the one that stock guests know.
    private static readonly string[] Names = ["org.qemu.clipboard", "com.redhat.spice.0"];

    public static Command Create()
    {
        Argument<string> text = new("TEXT") { Description = "The text; without it standard input", Arity = ArgumentArity.ZeroOrOne };
        Command copy = new("copy", "Give a text to the host's clipboard. Ends when the host has it.") { text };
        copy.SetAction(parsed => RunAsync(client => client.Copy(TextOf(parsed.GetValue(text)))));
        Command paste = new("paste", "Print the text of the host's clipboard. Waits until there is one.");
        paste.SetAction(_ => RunAsync(client =>
        {
            using Stream output = Console.OpenStandardOutput();
            output.Write(client.Paste());
        }));
        Option<string?> display = new("--display") { HelpName = "NAME", Description = "The display: :0 is X11's, wayland-1 or a path Wayland's; without it WAYLAND_DISPLAY or else DISPLAY says which" };
        Option<int> maxSize = new("--max-size") { HelpName = "MIB", Description = "The longest that may pass, in MiB (default 64)", DefaultValueFactory = _ => 64 };
        maxSize.Validators.Add(result =>
        {
            if (result.GetValue(maxSize) is < 1 or > 1024)
            {
                result.AddError("--max-size: a number of MiB from 1 to 1024 is needed");
            }
        });
        Option<string> files = new("--files")
        {
            HelpName = "DIR",
            Description = "Where files go that the host sends (default ~/Downloads); nothing there is overwritten",
            DefaultValueFactory = _ => Path.Combine(Environment.GetEnvironmentVariable("HOME") ?? "/", "Downloads"),
        };
        Option<bool> noFiles = new("--no-files") { Description = "Take no files" };
        Command command = new(
            "clipboard",
            "Share the desktop's clipboard with the host: what is copied on one side can be pasted on the other, text and images, also what was "
            + "marked with the mouse; files that the host sends are saved. Goes on until the desktop ends. Wayland where the compositor has data control, and X11; takes the place of spice-vdagent.")
        {
            display, maxSize, files, noFiles, copy, paste,
        };
        command.SetAction((parsed, _) => ShareAsync(
            parsed.GetValue(display),
            parsed.GetValue(maxSize) * 1024 * 1024,
            parsed.GetValue(noFiles) ? null : parsed.GetRequiredValue(files)));
        return command;
    }

    private static async Task<int> ShareAsync(string? display, int maxBytes, string? folder)
    {
        using StopRequest stop = new();
        try
        {
            using IDesktopClipboard desktop = DesktopSession.Open(display, notice => Failure.Report(notice));
            return Failure.Report(await new ShareLoop(Names, desktop, maxBytes, folder).RunAsync(stop.Token));
        }
        catch (OperationCanceledException) when (stop.Token.IsCancellationRequested)
        {
            return Failure.None;
        }
        catch (ChannelBusyException fault)
        {
            return Failure.Report($"{fault.Name}: another program has it open, such as spice-vdagentd, or this one");
        }
        catch (IOException fault)
        {
            return Failure.Report(fault.Message);
        }
    }

    private static async Task<int> RunAsync(Action<AgentClient> act)
    {
        foreach (string name in Names)
        {
            try
            {
                using ChannelStream channel = await VmChannels.OpenAsync(name);
                act(new AgentClient(channel));
                return Failure.None;
            }
            catch (ChannelNotFoundException)
            {
                // Perhaps the other name.
            }
            catch (ChannelBusyException)
            {
                return Failure.Report($"{name}: another program has it open, such as spice-vdagentd or vmchannel-guest clipboard; use the desktop's clipboard then");
            }
            catch (ChannelException fault)
            {
                return Failure.Report(fault.Message);
            }
            catch (IOException fault)
            {
                return Failure.Report($"{name}: {fault.Message}");
            }
        }

        return Failure.Report($"no channel {string.Join(" or ", Names)} on this machine. vmchannel-guest list shows those there are");
    }

    private static byte[] TextOf(string? argument)
    {
        if (argument is not null)
        {
            return Encoding.UTF8.GetBytes(argument);
        }

        using Stream input = Console.OpenStandardInput();
        using MemoryStream text = new();
        byte[] piece = new byte[16 * 1024];
        for (int count = input.Read(piece); count > 0; count = input.Read(piece))
        {
            text.Write(piece, 0, count);
            if (text.Length > AgentClient.MaxTextBytes)
            {
                throw new IOException($"the text is longer than the {AgentClient.MaxTextBytes} bytes the host takes");
            }
        }

        return text.ToArray();
    }
}
