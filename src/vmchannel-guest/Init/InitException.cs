namespace VmChannel.GuestTool.Init;

/// <summary>The guest cannot do its work; the message is the one line its user sees.</summary>
internal sealed class InitException(string message) : Exception(message);
