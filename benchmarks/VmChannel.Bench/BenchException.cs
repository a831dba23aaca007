namespace VmChannel.Bench;

/// <summary>A measurement that cannot go on; the message is for a person.</summary>
internal sealed class BenchException(string message) : Exception(message);
