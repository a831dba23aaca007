using System.Buffers;
using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using VmChannel.Cli.Captures;
using VmChannel.Cli.Client;
using VmChannel.Cli.CommandLine;
using VmChannel.Control;
using VmChannel.Device.Services;
using VmChannel.Device.Services.Clipboard;
using VmChannel.Native;
using VmChannel.Wire.VdAgent;
using ClipboardOwner = VmChannel.Control.ClipboardOwner;
using ClipboardSelection = VmChannel.Control.ClipboardSelection;

namespace VmChannel.Cli.Clipboards;

/// <summary><c>vmchannel clipboard</c>: copies to and pastes from a guest's clipboard.</summary>
internal static class ClipboardVerb
{
    private const int BlockBytes = 64 * 1024;

    public static Command Create() => new ManualCommand("clipboard", "Copy to and paste from a guest's clipboard.", ClipboardManual.All)
    {
        new ClientVerb("show", "Show what is on a guest's clipboards.", ClipboardManual.Show, "[PORT]").Runs(ShowAsync).Command,
        CreateGet(),
        CreateSet(),
        CreateClear(),
        new ClientVerb("watch", "Show who copies, as it happens.", ClipboardManual.Watch, "[PORT]").Runs(WatchAsync).Command,
        SendVerb.Create(),
        BridgeVerb.Create(),
    };

    private static ManualCommand CreateGet()
    {
        ClipboardOptions options = new();
        Option<string?> file = new("-o", "--output") { HelpName = "FILE", Description = "write a file" };
        ClientVerb verb = new("get", "Paste from a guest's clipboard.", ClipboardManual.Get, "[PORT]");
        verb.Command.Add(file);
        options.AddTo(verb.Command);
        return verb.Runs(async (call, cancellationToken) =>
        {
            RefuseJson(call);
            ClipboardSelection selection = options.Selection(call.Parsed);
            string? type = options.Type(call.Parsed) is ClipboardType asked ? ClipboardWords.Of(asked) : null;
            ClipboardChannel channel = await FindAsync(call, cancellationToken);
            using ClipboardData data = await channel.Client.PasteAsync(channel.Vm, channel.Port, selection, type, cancellationToken);
            await WriteAsync(data, call.Parsed.GetValue(file), cancellationToken);
        }).Command;
    }

    private static ManualCommand CreateSet()
    {
        ClipboardOptions options = new();
        Option<string?> file = new("-i", "--input") { HelpName = "FILE", Description = "read a file" };
        ClientVerb verb = new("set", "Copy to a guest's clipboard.", ClipboardManual.Set, "[PORT]");
        verb.Command.Add(file);
        options.AddTo(verb.Command);
        return verb.Runs(async (call, cancellationToken) =>
        {
            string? path = call.Parsed.GetValue(file);
            ClipboardSelection selection = options.Selection(call.Parsed);
            ClipboardType type = options.Type(call.Parsed) ?? (path is null ? ClipboardType.Utf8Text : ClipboardOptions.TypeOfFile(path));
            ClipboardChannel channel = await FindAsync(call, cancellationToken);
            using Stream input = path is null ? Console.OpenStandardInput() : OpenFile(path);
            ClipboardInfo info = await channel.Client.CopyAsync(
                channel.Vm, channel.Port, input, ClipboardWords.MediaTypeOf(type), selection, cancellationToken);
            if (call.IsJson)
            {
                call.Answer(info, ControlJson.Default.ClipboardInfo, Line);
            }
        }).Command;
    }

    private static ManualCommand CreateClear()
    {
        ClipboardOptions options = new();
        ClientVerb verb = new("clear", "Take back what the host copied.", ClipboardManual.Clear, "[PORT]");
        options.AddTo(verb.Command, withType: false);
        return verb.Runs(async (call, cancellationToken) =>
        {
            ClipboardChannel channel = await FindAsync(call, cancellationToken);
            ClipboardInfo info = await channel.Client.ClearClipboardAsync(channel.Vm, channel.Port, options.Selection(call.Parsed), cancellationToken);
            call.Answer(info, ControlJson.Default.ClipboardInfo, Line);
        }).Command;
    }

    private static async Task ShowAsync(ClientCall call, CancellationToken cancellationToken)
    {
        ClipboardChannel channel = await FindAsync(call, cancellationToken);
        IReadOnlyList<ClipboardInfo> infos = await channel.Client.GetClipboardAsync(channel.Vm, channel.Port, cancellationToken);
        call.Answer(infos, ControlJson.Default.IReadOnlyListClipboardInfo, all => string.Concat(all.Select(Line)));
    }

    private static async Task WatchAsync(ClientCall call, CancellationToken cancellationToken)
    {
        ClipboardChannel channel = await FindAsync(call, cancellationToken);
        await foreach (ClipboardInfo info in channel.Client.WatchClipboardAsync(channel.Vm, channel.Port, cancellationToken))
        {
            string line = call.IsJson
                ? JsonSerializer.Serialize(info, ControlJson.Default.ClipboardInfo) + "\n"
                : $"{DateTimeOffset.UtcNow.ToString("HH:mm:ss.fff", CultureInfo.InvariantCulture)}  {Line(info)}";
            if (!StandardStream.WriteOutput(line))
            {
                return; // nobody reads any more
            }
        }

        throw new ControlException($"{channel.Vm}: its clipboard was unplugged, or the server has ended");
    }

    private static async Task<ClipboardChannel> FindAsync(ClientCall call, CancellationToken cancellationToken)
        => await ClipboardChannel.FindAsync(await call.FindVmAsync(cancellationToken), call.Words.FirstOrDefault(), cancellationToken);

    private static void RefuseJson(ClientCall call)
    {
        if (call.IsJson)
        {
            throw new UsageException("clipboard get: --json is for answers, and this prints the data itself; clipboard show has --json");
        }
    }

    private static string Line(ClipboardInfo info)
        => $"{ClipboardWords.SelectionWords[(int)info.Selection],-10} {OwnerWord(info.Owner),-7} {PortText.Safe(string.Join(' ', info.Types))}".TrimEnd() + "\n";

    private static string OwnerWord(ClipboardOwner owner) => owner switch
    {
        ClipboardOwner.Host => "host",
        ClipboardOwner.Guest => "guest",
        _ => "nobody",
    };

    private static FileStream OpenFile(string path)
    {
        try
        {
            return File.OpenRead(path);
        }
        catch (UnauthorizedAccessException e)
        {
            throw new IOException($"{path}: {e.Message}", e);
        }
    }

    private static async Task WriteAsync(ClipboardData data, string? file, CancellationToken cancellationToken)
    {
        if (file is not null)
        {
            await using FileStream output = CaptureFile.Create(file);
            await data.Content.CopyToAsync(output, cancellationToken);
            return;
        }

        bool isText = ClipboardWords.ParseMediaType(data.MediaType) == ClipboardType.Utf8Text;
        bool isTerminal = Terminal.Is(FileDescriptor.Borrow(1));
        if (isTerminal && !isText)
        {
            throw new IOException($"the clipboard has {data.Length} bytes of {PortText.Safe(data.MediaType)}: name a file with -o, or use a pipe");
        }

        byte[] block = new byte[BlockBytes];
        ArrayBufferWriter<byte> safe = new();
        int kept = 0;
        int count;
        do
        {
            count = await data.Content.ReadAsync(block.AsMemory(kept), cancellationToken);
            int filled = kept + count;
            int shown = filled;
            if (isTerminal)
            {
                // A guest wrote this: it could change a terminal's settings, or pretend to be a prompt.
                shown = count > 0 ? ClipboardContent.LastRune(block.AsSpan(0, filled)) : filled;
                safe.ResetWrittenCount();
                SafeText.Append(block.AsSpan(0, shown), keepLineEnds: true, safe);
            }

            if (!StandardStream.WriteOutput(isTerminal ? safe.WrittenSpan : block.AsSpan(0, shown)))
            {
                return; // nobody reads
            }

            kept = filled - shown;
            block.AsSpan(shown, kept).CopyTo(block);
        }
        while (count > 0);

        if (isTerminal)
        {
            _ = StandardStream.WriteOutput("\n");
        }
    }
}
