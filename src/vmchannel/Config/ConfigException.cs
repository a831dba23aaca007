namespace VmChannel.Cli.Config;

/// <summary>A configuration file makes no sense: nothing of it is done.</summary>
/// <param name="errors">A line each: <c>FILE:LINE: what is wrong: what to do</c>.</param>
internal sealed class ConfigException(IReadOnlyList<string> errors) : Exception(string.Join('\n', errors))
{
    public IReadOnlyList<string> Errors { get; } = errors;
}
