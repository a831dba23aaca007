namespace VmChannel.Control;

/// <summary>Why a request was not done (RFC 9457, <c>application/problem+json</c>).</summary>
/// <param name="Title">What kind of problem; the same for all of its kind.</param>
/// <param name="Status">HTTP's status code.</param>
/// <param name="Detail">One sentence for people: what is wrong here, and what to do.</param>
/// <param name="Candidates">Of an ambiguous name: what it may mean.</param>
/// <param name="Errors">Of a configuration file: each error, with its line.</param>
public sealed record Problem(
    string Title, int Status, string? Detail = null, IReadOnlyList<string>? Candidates = null, IReadOnlyList<string>? Errors = null)
{
    /// <summary>The media type.</summary>
    public const string MediaType = "application/problem+json";
}
