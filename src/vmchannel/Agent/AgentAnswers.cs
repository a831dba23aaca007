using System.Buffers;
using System.Globalization;
using System.Text;
using System.Text.Json;
using VmChannel.Cli.CommandLine;
using VmChannel.Control.Agent;

namespace VmChannel.Cli.Agent;

/// <summary>The actions of <c>vmchannel agent</c> that are one question and one answer.</summary>
internal static class AgentAnswers
{
    public static async Task<int> PingAsync(AgentCall call, CancellationToken cancellationToken)
    {
        call.Expect(0, 0, "ping takes no words");
        await using GuestAgent agent = await call.OpenAsync(cancellationToken);
        await agent.PingAsync(cancellationToken);
        return Print(call, json => json.WriteBoolean("answers"u8, true), "the guest agent answers\n");
    }

    public static async Task<int> InfoAsync(AgentCall call, CancellationToken cancellationToken)
    {
        call.Expect(0, 0, "info takes no words");
        await using GuestAgent agent = await call.OpenAsync(cancellationToken);
        if (call.Client.IsJson)
        {
            return Print(await agent.CallAsync("guest-info", cancellationToken: cancellationToken));
        }

        AgentInfo info = await agent.InfoAsync(cancellationToken);
        StringBuilder text = new($"qemu-guest-agent {StandardStream.Printable(info.Version)}\n");
        foreach (AgentCommandInfo command in info.Commands.OrderBy(command => command.Name, StringComparer.Ordinal))
        {
            text.Append(CultureInfo.InvariantCulture, $"  {StandardStream.Printable(command.Name)}{(command.IsEnabled ? "" : " (turned off)")}\n");
        }

        return Print(text.ToString());
    }

    public static async Task<int> FreezeAsync(AgentCall call, CancellationToken cancellationToken)
    {
        const string Usage = "say fsfreeze status, fsfreeze freeze or fsfreeze thaw";
        call.Expect(1, 1, Usage);
        await using GuestAgent agent = await call.OpenAsync(cancellationToken);
        switch (call.Words[0])
        {
            case "status":
                string state = (await agent.FreezeStateAsync(cancellationToken)).ToString().ToLowerInvariant();
                return Print(call, json => json.WriteString("state"u8, state), $"{state}\n");
            case "freeze":
                long frozen = await agent.FreezeAsync(cancellationToken: cancellationToken);
                return Print(call, json => json.WriteNumber("frozen"u8, frozen), $"{FileSystems(frozen)} frozen: vmchannel agent … fsfreeze thaw ends that\n");
            case "thaw":
                long thawed = await agent.ThawAsync(cancellationToken);
                return Print(call, json => json.WriteNumber("thawed"u8, thawed), $"{FileSystems(thawed)} thawed\n");
            default:
                throw new UsageException($"agent: {Usage}");
        }
    }

    public static async Task<int> ShutdownAsync(AgentCall call, CancellationToken cancellationToken)
    {
        const string Usage = "say shutdown, shutdown powerdown, shutdown halt or shutdown reboot";
        call.Expect(0, 1, Usage);
        ShutdownMode mode = call.Words is [string word]
            ? word switch
            {
                "powerdown" => ShutdownMode.PowerDown,
                "halt" => ShutdownMode.Halt,
                "reboot" => ShutdownMode.Reboot,
                _ => throw new UsageException($"agent: {Usage}"),
            }
            : ShutdownMode.PowerDown;
        await using GuestAgent agent = await call.OpenAsync(cancellationToken);
        await agent.ShutdownAsync(mode, cancellationToken);
        return 0;
    }

    public static async Task<int> CallAsync(AgentCall call, CancellationToken cancellationToken)
    {
        call.Expect(1, 2, "say call NAME, or call NAME '{\"ARGUMENT\":VALUE}'");
        JsonElement? arguments = null;
        if (call.Words is [_, string text])
        {
            try
            {
                using JsonDocument document = JsonDocument.Parse(text);
                arguments = document.RootElement.ValueKind == JsonValueKind.Object
                    ? document.RootElement.Clone()
                    : throw new UsageException("agent: the arguments of call are an object: {\"NAME\":VALUE}");
            }
            catch (JsonException e)
            {
                throw new UsageException($"agent: the arguments of call make no sense: {e.Message}");
            }
        }

        await using GuestAgent agent = await call.OpenAsync(cancellationToken);
        return Print(await agent.CallAsync(call.Words[0], arguments, cancellationToken));
    }

    /// <summary>Prints one object for programs, or a text for people.</summary>
    public static int Print(AgentCall call, Action<Utf8JsonWriter> members, string text)
        => !call.Client.IsJson ? Print(text) : Print(json =>
        {
            json.WriteStartObject();
            members(json);
            json.WriteEndObject();
        });

    private static int Print(JsonElement value) => Print(value.WriteTo);

    private static int Print(Action<Utf8JsonWriter> write)
    {
        ArrayBufferWriter<byte> bytes = new();
        using (Utf8JsonWriter json = new(bytes, new JsonWriterOptions { Indented = true }))
        {
            write(json);
        }

        bytes.Write("\n"u8);
        _ = StandardStream.WriteOutput(bytes.WrittenSpan);
        return 0;
    }

    private static int Print(string text)
    {
        _ = StandardStream.WriteOutput(text);
        return 0;
    }

    private static string FileSystems(long count) => count == 1 ? "1 file system" : string.Create(CultureInfo.InvariantCulture, $"{count} file systems");
}
