namespace VmChannel.Cli.Serve;

/// <summary>Options of a port make no sense. The message is one line for people.</summary>
internal sealed class OptionException(string message) : IOException(message);
