namespace VmChannel.Cli.Fetch;

/// <summary>A fetch that cannot succeed; the message is for a person and says what to do.</summary>
internal sealed class FetchException(string message) : IOException(message);
