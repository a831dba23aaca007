namespace VmChannel.Mux;

/// <summary>A session, or a stream of it, ended or could not begin. The message is for people: what was wrong, and what to do.</summary>
public sealed class MuxException : IOException
{
    /// <param name="message">What was wrong.</param>
    /// <param name="cause">What made it so.</param>
    public MuxException(string message, Exception? cause = null)
        : base(message, cause)
    {
    }

    /// <summary>The other end was opened anew: a new session with it can begin at once.</summary>
    public bool IsPeerRestarted { get; init; }

    /// <summary>The other end broke the protocol, and is to be told.</summary>
    internal bool IsBreach { get; init; }

    /// <summary>The channel ended before anybody had answered: who had it open there may be about to open it again.</summary>
    internal bool IsEarlyEnd { get; init; }

    internal static MuxException Breach(string message) => new(message) { IsBreach = true };
}
