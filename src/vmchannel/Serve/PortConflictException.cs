namespace VmChannel.Cli.Serve;

/// <summary>A port's number or name is taken, or there is no room. The message is one line for people.</summary>
internal sealed class PortConflictException(string message) : IOException(message);
