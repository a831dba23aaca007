using System.Text.Json.Serialization;

namespace VmChannel.Control;

/// <summary>A port to plug in, or what to change of one.</summary>
/// <param name="Options">As for <c>-virtioserial</c>: <c>port=4,protocol=org.qemu.clipboard,char=unix:/run/c.sock,server</c>.</param>
[JsonUnmappedMemberHandling(JsonUnmappedMemberHandling.Disallow)]
public sealed record OptionsRequest(string Options);
