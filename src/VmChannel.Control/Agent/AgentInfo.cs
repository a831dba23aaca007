using System.Text.Json.Serialization;

namespace VmChannel.Control.Agent;

/// <summary>An agent's version and commands (qga/qapi-schema.json, GuestAgentInfo).</summary>
/// <param name="Version">QEMU's, such as <c>7.2.9</c>.</param>
/// <param name="Commands">All that it knows.</param>
public sealed record AgentInfo(
    [property: JsonPropertyName("version")] string Version,
    [property: JsonPropertyName("supported_commands")] IReadOnlyList<AgentCommandInfo> Commands);

/// <summary>One command of an agent.</summary>
/// <param name="Name">Such as <c>guest-exec</c>.</param>
/// <param name="IsEnabled">False: the guest's administrator, or a freeze, has turned it off.</param>
/// <param name="IsAnswered">False: success has no answer, as of <c>guest-shutdown</c>.</param>
public sealed record AgentCommandInfo(
    [property: JsonPropertyName("name")] string Name,
    [property: JsonPropertyName("enabled")] bool IsEnabled,
    [property: JsonPropertyName("success-response")] bool IsAnswered = true);
