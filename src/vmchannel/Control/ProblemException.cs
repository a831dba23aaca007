using VmChannel.Control;

namespace VmChannel.Cli.Control;

/// <summary>A request cannot be done, and the client is told why.</summary>
internal sealed class ProblemException(Problem problem) : Exception(problem.Detail)
{
    /// <param name="status">HTTP's code.</param>
    /// <param name="title">The kind of problem.</param>
    /// <param name="detail">One sentence for people: what is wrong, what to do.</param>
    public ProblemException(int status, string title, string detail)
        : this(new Problem(title, status, detail))
    {
    }

    public Problem Problem { get; } = problem;
}
