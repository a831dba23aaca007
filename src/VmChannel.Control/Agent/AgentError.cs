namespace VmChannel.Control.Agent;

/// <summary>The agent's refusal of a command.</summary>
/// <param name="Class">One of a few words.</param>
/// <param name="Description">For people.</param>
internal sealed record AgentError(string Class, string Description);
