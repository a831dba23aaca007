namespace VmChannel.Control.Agent;

/// <summary>A guest agent refused, did not answer, or answered nonsense. The message is for people: what is wrong, and what to do.</summary>
public sealed class AgentException : IOException
{
    internal AgentException(string message, Exception? inner = null)
        : base(message, inner)
    {
    }

    internal AgentException(AgentError error)
        : base(error.Description)
        => ErrorClass = error.Class;

    /// <summary>What the agent called its refusal, such as <c>GenericError</c> or <c>CommandNotFound</c> (qapi/error.json); null when it did not answer at all.</summary>
    public string? ErrorClass { get; }
}
