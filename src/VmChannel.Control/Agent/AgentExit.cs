using System.Text.Json.Serialization;

namespace VmChannel.Control.Agent;

/// <summary>How a program in the guest ended.</summary>
public sealed record AgentExit
{
    private const int SignalBase = 128;

    /// <summary>Its exit code; null when a signal ended it.</summary>
    public int? ExitCode { get; init; }

    /// <summary>The signal that ended it (Windows: the exception's number).</summary>
    public int? Signal { get; init; }

    /// <summary>The exit code as shells have it: 128 + the signal that ended it.</summary>
    public int Code => ExitCode ?? SignalBase + (Signal ?? 0);

    /// <summary>Its standard output; the agent keeps the first 16 MiB.</summary>
    public ReadOnlyMemory<byte> Output { get; init; }

    /// <summary>Its standard error; the agent keeps the first 16 MiB.</summary>
    public ReadOnlyMemory<byte> Errors { get; init; }

    /// <summary>There was more output than the agent keeps.</summary>
    public bool IsOutputCut { get; init; }

    /// <summary>There was more on standard error than the agent keeps.</summary>
    public bool AreErrorsCut { get; init; }
}

/// <summary>What <c>guest-exec-status</c> returns (qga/qapi-schema.json, GuestExecStatus).</summary>
internal sealed record ExecStatus
{
    [JsonPropertyName("exited")]
    public required bool HasExited { get; init; }

    [JsonPropertyName("exitcode")]
    public int? ExitCode { get; init; }

    [JsonPropertyName("signal")]
    public int? Signal { get; init; }

    [JsonPropertyName("out-data")]
    public ReadOnlyMemory<byte> Output { get; init; }

    [JsonPropertyName("err-data")]
    public ReadOnlyMemory<byte> Errors { get; init; }

    [JsonPropertyName("out-truncated")]
    public bool IsOutputCut { get; init; }

    [JsonPropertyName("err-truncated")]
    public bool AreErrorsCut { get; init; }

    /// <summary>Null while the program runs.</summary>
    public AgentExit? ToExit() => !HasExited ? null : new()
    {
        ExitCode = ExitCode,
        Signal = Signal,
        Output = Output,
        Errors = Errors,
        IsOutputCut = IsOutputCut,
        AreErrorsCut = AreErrorsCut,
    };
}

/// <summary>What <c>guest-exec</c> returns.</summary>
/// <param name="Pid">Names the program to the agent (Windows: no process id).</param>
internal sealed record ExecStart([property: JsonPropertyName("pid"), JsonRequired] long Pid);
