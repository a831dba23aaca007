namespace VmChannel.Device.VhostUser;

/// <summary>How a message was handled, which decides what the front-end hears.</summary>
/// <param name="Kind">What to do next.</param>
/// <param name="Reason">For the log, when it was not accepted.</param>
internal readonly record struct MessageOutcome(MessageOutcomeKind Kind, string? Reason = null)
{
    public static readonly MessageOutcome Accepted = new(MessageOutcomeKind.Accepted);

    public static MessageOutcome Replied(bool sent)
        => sent ? new(MessageOutcomeKind.Replied) : Fatal("the front-end does not read its replies");

    /// <summary>The message does nothing and is answered with a failure if the front-end wants an answer.</summary>
    public static MessageOutcome Refused(string reason) => new(MessageOutcomeKind.Refused, reason);

    /// <summary>The connection ends: the front-end waits for an answer that does not exist, or cannot be trusted with its memory.</summary>
    public static MessageOutcome Fatal(string reason) => new(MessageOutcomeKind.Fatal, reason);
}

/// <summary>Kinds of <see cref="MessageOutcome"/>.</summary>
internal enum MessageOutcomeKind
{
    Accepted,
    Replied,
    Refused,
    Fatal,
}
