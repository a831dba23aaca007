using System.Buffers;
using System.Diagnostics.CodeAnalysis;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace VmChannel.Wire;

/// <summary>One message on the control port of a throw-away guest: a line of JSON (NDJSON), UTF-8, at most <see cref="MaxBytes"/> bytes.</summary>
/// <remarks>
/// <code>
/// guest: {"type":"ready"}
/// host:  {"type":"run","argv":["make","test"],"env":{"PATH":"/usr/bin:/bin"},"cwd":"/src","tty":false,"uid":0,"gid":0,"ports":["org.qemu.clipboard"]}
/// host:  {"type":"signal","signal":2}
/// host:  {"type":"resize","columns":80,"rows":24}
/// guest: {"type":"exit","code":130}
/// </code>
/// Unknown members are ignored, so that either side may be the newer one; an unknown <c>type</c> is an error.
/// </remarks>
[JsonPolymorphic(TypeDiscriminatorPropertyName = "type", UnknownDerivedTypeHandling = JsonUnknownDerivedTypeHandling.FailSerialization)]
[JsonDerivedType(typeof(RunReady), "ready")]
[JsonDerivedType(typeof(RunCommand), "run")]
[JsonDerivedType(typeof(RunSignal), "signal")]
[JsonDerivedType(typeof(RunResize), "resize")]
[JsonDerivedType(typeof(RunExit), "exit")]
public abstract record RunMessage
{
    /// <summary>Longest line either side reads, in bytes with its newline: Linux takes 2 MiB of arguments and environment, JSON may double it.</summary>
    public const int MaxBytes = 4 * 1024 * 1024;

    /// <summary>The message as one line with its newline, ready to be sent.</summary>
    public byte[] ToLine()
    {
        ArrayBufferWriter<byte> line = new();
        using (Utf8JsonWriter json = new(line))
        {
            JsonSerializer.Serialize(json, this, RunMessageJson.Default.RunMessage);
        }

        line.Write("\n"u8);
        return line.WrittenSpan.ToArray();
    }

    /// <summary>Takes the next line off the bytes received so far.</summary>
    /// <param name="input">Moved past the line, except when more bytes are needed.</param>
    /// <param name="message">The message when the result is <see cref="OperationStatus.Done"/>.</param>
    /// <param name="reason">What is wrong when the result is <see cref="OperationStatus.InvalidData"/>, for people.</param>
    /// <returns>Done, NeedMoreData, or InvalidData: the peer is broken and the conversation over.</returns>
    public static OperationStatus TryTake(ref ReadOnlySpan<byte> input, out RunMessage? message, out string? reason)
    {
        message = null;
        reason = null;
        int newline = input.IndexOf((byte)'\n');
        if (newline >= MaxBytes || (newline < 0 && input.Length >= MaxBytes))
        {
            reason = $"line of more than {MaxBytes} bytes";
            return OperationStatus.InvalidData;
        }

        if (newline < 0)
        {
            return OperationStatus.NeedMoreData;
        }

        ReadOnlySpan<byte> line = input[..newline];
        input = input[(newline + 1)..];
        return TryParse(line, out message, out reason) ? OperationStatus.Done : OperationStatus.InvalidData;
    }

    private static bool TryParse(ReadOnlySpan<byte> line, [NotNullWhen(true)] out RunMessage? message, [NotNullWhen(false)] out string? reason)
    {
        try
        {
            message = JsonSerializer.Deserialize(line, RunMessageJson.Default.RunMessage);
            reason = message is null ? "null is not a message" : message.Fault();
        }
        catch (Exception fault) when (fault is JsonException or NotSupportedException)
        {
            // NotSupportedException is how the serializer says that "type" is missing.
            message = null;
            reason = fault is JsonException { BytePositionInLine: long position } ? $"not a message (byte {position}): {fault.Message}" : "type is missing";
        }

        message = reason is null ? message : null;
        return message is not null;
    }

    /// <summary>What the values say that JSON cannot check; null when all is well.</summary>
    private protected virtual string? Fault() => null;
}

/// <summary>Guest to host, once: the links of the ports seen at boot exist, a command may come.</summary>
public sealed record RunReady : RunMessage;

/// <summary>Host to guest, once: start this command. It runs as the leader of its own session.</summary>
public sealed record RunCommand : RunMessage
{
    // The serializer's generated code sets every init property, to null when the line has none: hence the defaults in the setters.

    /// <summary>Program and arguments; a program without a slash is looked up in <c>PATH</c> of <see cref="Env"/>. Empty: a shell.</summary>
    public IReadOnlyList<string> Argv { get; init => field = value ?? []; } = [];

    /// <summary>The whole environment of the command.</summary>
    public IReadOnlyDictionary<string, string> Env { get; init => field = value ?? NoEnv; } = NoEnv;

    /// <summary>Absolute path in the guest.</summary>
    public string Cwd { get; init => field = value ?? "/"; } = "/";

    /// <summary>
    /// True: the console (<c>/dev/hvc0</c>) is the controlling terminal, or, in a guest that has none, one that is pumped through a port.
    /// False: three pipes, pumped through three ports.
    /// </summary>
    public bool Tty { get; init; }

    public uint Uid { get; init; }

    public uint Gid { get; init; }

    /// <summary>Protocol names whose links must exist before the command starts.</summary>
    public IReadOnlyList<string> Ports { get; init => field = value ?? []; } = [];

    private static IReadOnlyDictionary<string, string> NoEnv => new Dictionary<string, string>();

    // Strings end in C: a NUL would silently cut them. Elements may be null whatever their type says.
    private protected override string? Fault() =>
        Argv.Any(argument => argument is null || argument.Contains('\0', StringComparison.Ordinal)) ? "argv has a null or a NUL"
        : Argv is ["", ..] ? "argv has an empty program name"
        : Env.Keys.Any(name => name.Length == 0 || name.AsSpan().ContainsAny('=', '\0')) ? "env has a name that is empty or has '=' or NUL"
        : Env.Values.Any(value => value is null || value.Contains('\0', StringComparison.Ordinal)) ? "env has a null or a NUL"
        : !Cwd.StartsWith('/') || Cwd.Contains('\0', StringComparison.Ordinal) ? "cwd is no absolute path"
        : Ports.Select(port => ProtocolName.TryParse(port, out _, out string? reason) ? null : $"ports has a name that {reason}")
            .FirstOrDefault(reason => reason is not null);
}

/// <summary>Host to guest: deliver a signal to the command's process group.</summary>
/// <param name="Signal">Linux signal number, 1 to 64.</param>
public sealed record RunSignal(int Signal) : RunMessage
{
    private protected override string? Fault() => Signal is >= 1 and <= 64 ? null : $"signal {Signal} does not exist";
}

/// <summary>Host to guest: the terminal of a guest without a console has this size now; a console's size is the device's to tell.</summary>
public sealed record RunResize(ushort Columns, ushort Rows) : RunMessage;

/// <summary>Guest to host, once: the command has ended, its output is all in the ports and these are closed.</summary>
/// <param name="Code">What a shell would say: the exit code, 128 + the signal that killed it, 127 not found, 126 not executable;
/// 125 when the guest could not even try.</param>
/// <param name="Error">One sentence for people when the command was not started.</param>
public sealed record RunExit(int Code, string? Error = null) : RunMessage
{
    private protected override string? Fault() => Code is >= 0 and <= 255 ? null : $"exit code {Code} is outside 0 to 255";
}

[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
    RespectNullableAnnotations = true,
    RespectRequiredConstructorParameters = true,
    AllowOutOfOrderMetadataProperties = true,
    MaxDepth = 8)]
[JsonSerializable(typeof(RunMessage))]
internal sealed partial class RunMessageJson : JsonSerializerContext;
