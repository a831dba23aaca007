namespace VmChannel.Device.VirtioSerial;

/// <summary>A port cannot be plugged in. The message is for people: what is wrong, and what to do.</summary>
public sealed class PlugException(string message) : InvalidOperationException(message);
