namespace VmChannel.Cli.CommandLine;

/// <summary>What was asked for makes no sense. The message is one line for people; the exit code is 2.</summary>
internal sealed class UsageException(string message) : Exception(message);
