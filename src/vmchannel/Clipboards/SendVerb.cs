using System.CommandLine;
using System.Text.Json;
using VmChannel.Cli.Client;
using VmChannel.Cli.CommandLine;
using VmChannel.Control;

namespace VmChannel.Cli.Clipboards;

/// <summary><c>vmchannel clipboard send</c>: files to a guest, whose agent saves them.</summary>
internal static class SendVerb
{
    private const string Manual = """
        vmchannel clipboard send - send files to a guest

        Usage:
          vmchannel clipboard send VM FILE...

        The agent of the guest's clipboard saves them: SPICE's on the user's desktop or among the downloads, vmchannel-guest clipboard
        in ~/Downloads or where its --files says. Nothing there is overwritten: a name that is taken gets a number. One after the other;
        the first that fails ends it. On a terminal a bar shows how far it is.

        Examples:
          vmchannel clipboard send web report.pdf
          vmchannel clipboard send web *.png --json | jq .bytes

        Options:

        """;

    public static Command Create()
    {
        ClientOptions options = new();
        Argument<string> vm = new("VM");
        Argument<string[]> files = new("FILE") { Arity = ArgumentArity.OneOrMore };
        ManualCommand command = new("send", "Send files to a guest.", Manual + ClientOptions.Manual) { vm, files };
        options.AddTo(command);
        command.SetAction(async (parsed, _) =>
        {
            using StopSignals signals = new();
            try
            {
                ClipboardChannel channel = await ClipboardChannel.FindAsync(
                    await options.Read(parsed).FindAsync(parsed.GetRequiredValue(vm), signals.Token), port: null, signals.Token);
                foreach (string path in parsed.GetRequiredValue(files))
                {
                    SentFile sent = await SendAsync(channel, path, signals.Token);
                    if (options.IsJson(parsed) && !StandardStream.WriteOutput(JsonSerializer.Serialize(sent, ControlJson.Default.SentFile) + "\n"))
                    {
                        return 0; // nobody reads any more
                    }
                }

                return 0;
            }
            catch (OperationCanceledException) when (signals.Token.IsCancellationRequested)
            {
                StandardStream.Complain("cancelled: the guest drops what it has got of the file");
                return 1;
            }
        });
        return command;
    }

    private static async Task<SentFile> SendAsync(ClipboardChannel channel, string path, CancellationToken cancellation)
    {
        using FileStream file = Open(path);
        string name = Path.GetFileName(path);
        using CopyProgress progress = new(name, file.Length);
        using CountedStream counted = new(file, progress.Report);
        try
        {
            return await channel.Client.SendFileAsync(channel.Vm, channel.Port, name, counted, file.Length, cancellation);
        }
        catch (ControlException e) when (!e.IsUnreachable)
        {
            throw new IOException($"{path}: {e.Message}", e);
        }
    }

    private static FileStream Open(string path)
    {
        try
        {
            FileStream file = File.OpenRead(path);
            return file.CanSeek ? file : throw new IOException($"{path} is no file with a length, which the guest is told first");
        }
        catch (UnauthorizedAccessException e)
        {
            throw new IOException(Directory.Exists(path) ? $"{path} is a folder: files alone can be sent" : $"{path}: {e.Message}", e);
        }
    }
}
