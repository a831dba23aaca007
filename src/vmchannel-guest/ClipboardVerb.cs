using System.CommandLine;
using System.Text;
using VmChannel.Guest;

namespace VmChannel.GuestTool;

/// <summary><c>clipboard</c>: copies to and pastes from the host's clipboard, where no SPICE agent does.</summary>
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
        return new("clipboard", "Copy text to the host and paste text from it.") { copy, paste };
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
                return Failure.Report($"{name}: another program has it open, such as spice-vdagentd; use the desktop's clipboard then");
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
