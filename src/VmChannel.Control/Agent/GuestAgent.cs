using System.Text.Json;

namespace VmChannel.Control.Agent;

/// <summary>The stock QEMU guest agent of a VM, over the port <c>org.qemu.guest_agent.0</c>. Thread-safe; commands take turns, as the agent has it.</summary>
/// <remarks>
/// The port is opened by the first command and kept until this is disposed. An agent that restarts is found again by the next command. Every method throws
/// <see cref="AgentException"/> when the agent refuses, does not answer in time or ends, and <see cref="ControlException"/> when the port cannot be had.
/// Protocol: QEMU's qga/qapi-schema.json.
/// </remarks>
public sealed class GuestAgent : IAsyncDisposable
{
    /// <summary>The name that guests' agents look for.</summary>
    public const string PortName = "org.qemu.guest_agent.0";

    private const int MaxAnswerBytes = 1024 * 1024;

    /// <summary>What the agent keeps of both streams (16 MiB each) in base64.</summary>
    private const int MaxExecBytes = (2 * 16 * 1024 * 1024 / 3 * 4) + 4096;

    /// <summary>The agent's JSON writer ends there.</summary>
    private const int MaxCallBytes = 64 * 1024 * 1024;

    private static readonly TimeSpan FirstPause = TimeSpan.FromMilliseconds(2);
    private static readonly TimeSpan LongestPause = TimeSpan.FromMilliseconds(250);

    private readonly GuestAgentOptions _options;

    /// <param name="client">Talks to the server that has the VM; stays the caller's.</param>
    /// <param name="vm">The VM's name.</param>
    /// <param name="options">Timeouts, and which port.</param>
    public GuestAgent(ControlClient client, string vm, GuestAgentOptions? options = null)
        : this(options, given => new AgentPort.Served(client, null, vm, given))
    {
    }

    /// <param name="open">Opens a stream to an agent, as often as one is needed; disposing the stream closes it.</param>
    /// <param name="options">Timeouts.</param>
    public GuestAgent(Func<CancellationToken, ValueTask<Stream>> open, GuestAgentOptions? options = null)
        : this(options, _ => new AgentPort.Streamed(open))
    {
    }

    private GuestAgent(GuestAgentOptions? options, Func<GuestAgentOptions, AgentPort> port)
    {
        _options = options ?? new();
        Link = new(port(_options), _options);
    }

    internal AgentLink Link { get; }

    internal TimeSpan Timeout => _options.Timeout;

    /// <summary>The agent of a VM, wherever on this machine that is served.</summary>
    /// <exception cref="ControlException">No server has a VM of that name.</exception>
    public static GuestAgent Of(string vm, GuestAgentOptions? options = null)
    {
        ControlClient client = new(ServerFolder.Find(vm));
        return new(options, given => new AgentPort.Served(client, client, vm, given));
    }

    /// <summary>Returns when the agent has answered.</summary>
    public Task PingAsync(CancellationToken cancellationToken = default) => RunAsync("guest-ping", null, _ => 0, cancellationToken);

    /// <summary>Which agent it is, and what it can do.</summary>
    public Task<AgentInfo> InfoAsync(CancellationToken cancellationToken = default)
        => RunAsync("guest-info", null, value => AgentValue.Object(value, AgentJson.Default.AgentInfo), cancellationToken);

    /// <summary>Runs a program and waits for its end.</summary>
    /// <param name="command">The program.</param>
    /// <param name="cancellationToken">Ends the waiting; the program goes on.</param>
    public async Task<AgentExit> ExecAsync(AgentCommand command, CancellationToken cancellationToken = default)
    {
        long program = await StartAsync(command, cancellationToken);
        for (TimeSpan pause = FirstPause; ;)
        {
            if (await StatusAsync(program, cancellationToken) is AgentExit exit)
            {
                return exit;
            }

            await Task.Delay(pause, cancellationToken);
            pause = pause * 1.5 < LongestPause ? pause * 1.5 : LongestPause;
        }
    }

    /// <summary>Starts a program.</summary>
    /// <returns>Its number, for <see cref="StatusAsync"/>; on Linux its process id.</returns>
    public Task<long> StartAsync(AgentCommand command, CancellationToken cancellationToken = default)
    {
        if (command.Input?.Length > AgentCommand.MaxInputBytes)
        {
            throw new ArgumentException($"an agent takes {AgentCommand.MaxInputBytes} bytes of input at most", nameof(command));
        }

        return RunAsync("guest-exec", json => Write(json, command), value => AgentValue.Object(value, AgentJson.Default.ExecStart).Pid, cancellationToken);
    }

    /// <summary>How a program ended; null while it runs. The agent forgets it when it has told.</summary>
    public Task<AgentExit?> StatusAsync(long program, CancellationToken cancellationToken = default)
        => Link.RunAsync(
            "guest-exec-status", json => json.WriteNumber("pid"u8, program), MaxExecBytes, _options.Timeout,
            value => AgentValue.Object(value, AgentJson.Default.ExecStatus).ToExit(), cancellationToken);

    /// <summary>Opens a file of the guest.</summary>
    /// <param name="path">Absolute.</param>
    /// <param name="access">To read, to write a new or emptied file, or to add to its end. A file that the agent makes has mode 0666.</param>
    /// <param name="cancellationToken">Ends the waiting.</param>
    /// <returns>Its bytes in order; disposing it closes it. What was written is in the guest's file after <see cref="Stream.FlushAsync(CancellationToken)"/>.</returns>
    public async Task<Stream> OpenFileAsync(string path, AgentFileAccess access, CancellationToken cancellationToken = default)
    {
        string mode = access switch
        {
            AgentFileAccess.Read => "rb",
            AgentFileAccess.Write => "wb",
            AgentFileAccess.Append => "ab",
            _ => throw new ArgumentOutOfRangeException(nameof(access)),
        };
        long handle = await RunAsync(
            "guest-file-open",
            json =>
            {
                json.WriteString("path"u8, path);
                json.WriteString("mode"u8, mode);
            },
            AgentValue.Number,
            cancellationToken);
        return new AgentFile(this, handle, access);
    }

    /// <summary>Whether the agent has frozen the guest's file systems.</summary>
    public Task<FreezeState> FreezeStateAsync(CancellationToken cancellationToken = default)
        => RunAsync(
            "guest-fsfreeze-status", null,
            value => value.Span.SequenceEqual("\"frozen\""u8) ? FreezeState.Frozen
                : value.Span.SequenceEqual("\"thawed\""u8) ? FreezeState.Thawed
                : throw AgentValue.Unexpected("thawed or frozen"),
            cancellationToken);

    /// <summary>Writes what file systems have in memory, and has all writers wait until <see cref="ThawAsync"/>. Meanwhile the agent refuses most commands.</summary>
    /// <param name="mountPoints">Which; empty = all.</param>
    /// <param name="cancellationToken">Ends the waiting.</param>
    /// <returns>How many were frozen.</returns>
    public Task<long> FreezeAsync(IReadOnlyList<string>? mountPoints = null, CancellationToken cancellationToken = default)
        => mountPoints is { Count: > 0 } some
            ? FreezeAsync("guest-fsfreeze-freeze-list", json => WriteArray(json, "mountpoints"u8, some), cancellationToken)
            : FreezeAsync("guest-fsfreeze-freeze", null, cancellationToken);

    /// <summary>Lets writers go on.</summary>
    /// <returns>How many file systems were thawed.</returns>
    public Task<long> ThawAsync(CancellationToken cancellationToken = default)
        => Link.RunAsync("guest-fsfreeze-thaw", arguments: null, MaxAnswerBytes, _options.FreezeTimeout, AgentValue.Number, cancellationToken);

    /// <summary>Has the guest end itself.</summary>
    /// <remarks>The agent answers only if it refuses; this returns when it has been silent for <see cref="GuestAgentOptions.Timeout"/>, or has ended.</remarks>
    public async Task ShutdownAsync(ShutdownMode mode = ShutdownMode.PowerDown, CancellationToken cancellationToken = default)
    {
        string word = mode.ToString().ToLowerInvariant();
        await PingAsync(cancellationToken);
        try
        {
            _ = await RunAsync("guest-shutdown", json => json.WriteString("mode"u8, word), _ => 0, cancellationToken);
        }
        catch (AgentException e) when (e.ErrorClass is null)
        {
            // As it should be.
        }
    }

    /// <summary>Any command of the agent.</summary>
    /// <param name="command">Its name, such as <c>guest-get-osinfo</c>.</param>
    /// <param name="arguments">An object with its arguments; null = none.</param>
    /// <param name="cancellationToken">Ends the waiting.</param>
    /// <returns>What it returned.</returns>
    public Task<JsonElement> CallAsync(string command, JsonElement? arguments = null, CancellationToken cancellationToken = default)
        => Link.RunAsync(
            command, arguments is JsonElement given ? json => WriteMembers(json, given) : null, MaxCallBytes, _options.Timeout,
            value => AgentValue.Object(value, AgentJson.Default.JsonElement), cancellationToken);

    public ValueTask DisposeAsync() => Link.DisposeAsync();

    private static void Write(Utf8JsonWriter json, AgentCommand command)
    {
        json.WriteString("path"u8, command.Path);
        WriteArray(json, "arg"u8, command.Arguments);
        if (command.Environment.Count > 0)
        {
            WriteArray(json, "env"u8, command.Environment);
        }

        if (command.Input is ReadOnlyMemory<byte> input)
        {
            json.WriteBase64String("input-data"u8, input.Span);
        }

        json.WriteBoolean("capture-output"u8, true);
    }

    private static void WriteArray(Utf8JsonWriter json, ReadOnlySpan<byte> name, IReadOnlyList<string> words)
    {
        json.WriteStartArray(name);
        foreach (string word in words)
        {
            json.WriteStringValue(word);
        }

        json.WriteEndArray();
    }

    private static void WriteMembers(Utf8JsonWriter json, JsonElement given)
    {
        foreach (JsonProperty member in given.EnumerateObject())
        {
            member.WriteTo(json);
        }
    }

    private async Task<long> FreezeAsync(string command, Action<Utf8JsonWriter>? arguments, CancellationToken cancellationToken)
    {
        try
        {
            return await Link.RunAsync(command, arguments, MaxAnswerBytes, _options.FreezeTimeout, AgentValue.Number, cancellationToken);
        }
        catch (AgentException e) when (e.InnerException is TimeoutException or IOException)
        {
            throw new AgentException($"{e.Message}\nThe guest's file systems may be frozen now: thaw them (fsfreeze thaw)", e.InnerException);
        }
    }

    private Task<T> RunAsync<T>(string command, Action<Utf8JsonWriter>? arguments, Func<Memory<byte>, T> read, CancellationToken cancellationToken)
        => Link.RunAsync(command, arguments, MaxAnswerBytes, _options.Timeout, read, cancellationToken);
}
