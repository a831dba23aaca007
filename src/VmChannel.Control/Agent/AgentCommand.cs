namespace VmChannel.Control.Agent;

/// <summary>A program to run in the guest, as the agent's user (root).</summary>
/// <param name="Path">Of the program; without a slash it is looked up in the agent's PATH.</param>
/// <param name="Arguments">Its words; no shell sees them.</param>
public sealed record AgentCommand(string Path, params IReadOnlyList<string> Arguments)
{
    /// <summary>What an agent takes: its JSON reader ends at 64 MiB, and base64 makes four bytes of three.</summary>
    public const int MaxInputBytes = 47 * 1024 * 1024;

    /// <summary>Its environment, <c>NAME=VALUE</c> each; empty = the agent's own.</summary>
    public IReadOnlyList<string> Environment { get; init; } = [];

    /// <summary>Its standard input, at most <see cref="MaxInputBytes"/>; null = /dev/null.</summary>
    public ReadOnlyMemory<byte>? Input { get; init; }
}
