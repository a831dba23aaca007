namespace VmChannel.Cli.Run;

/// <summary>A run that cannot go on; the message is for a person and says what to do.</summary>
internal sealed class RunException(string message) : IOException(message);
