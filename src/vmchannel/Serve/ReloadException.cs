namespace VmChannel.Cli.Serve;

/// <summary>A configuration that was read again makes no sense, and nothing was changed.</summary>
/// <param name="errors">Each <c>FILE:LINE: what is wrong: what to do</c>.</param>
internal sealed class ReloadException(IReadOnlyList<string> errors) : IOException(string.Join('\n', errors))
{
    public IReadOnlyList<string> Errors { get; } = errors;
}
