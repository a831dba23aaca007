namespace VmChannel.Control;

/// <summary>A request was not done. The message is for people: what is wrong, and what to do.</summary>
public sealed class ControlException : IOException
{
    /// <param name="problem">What the server said.</param>
    public ControlException(Problem problem)
        : base(Describe(problem))
        => Problem = problem;

    /// <param name="message">Why no server could be asked.</param>
    /// <param name="cause">The failure.</param>
    public ControlException(string message, Exception? cause = null)
        : base(message, cause)
    {
    }

    /// <summary>What the server said; null when it said nothing.</summary>
    public Problem? Problem { get; }

    /// <summary>Nobody listens there.</summary>
    public bool IsUnreachable { get; init; }

    private static string Describe(Problem problem)
    {
        string text = problem.Detail ?? problem.Title;
        return problem.Errors is { Count: > 0 } errors ? $"{text}\n{string.Join('\n', errors)}" : text;
    }
}
