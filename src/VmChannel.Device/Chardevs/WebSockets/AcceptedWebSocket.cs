using System.Net.WebSockets;

namespace VmChannel.Device.Chardevs.WebSockets;

/// <summary>A WebSocket that is open, and what lets go of the connection below it.</summary>
/// <param name="Socket">Owned by who gets it.</param>
/// <param name="Release">Any thread, once, after <paramref name="Socket"/> was disposed; null when that is all.</param>
public readonly record struct AcceptedWebSocket(WebSocket Socket, Action? Release);
