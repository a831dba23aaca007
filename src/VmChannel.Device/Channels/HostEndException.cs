namespace VmChannel.Device.Channels;

/// <summary>A host end cannot start. The message is for people: what was wrong, where, what to do.</summary>
public sealed class HostEndException(string message, Exception? inner = null) : IOException(message, inner);
