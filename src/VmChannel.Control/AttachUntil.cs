using System.Text.Json.Serialization;

namespace VmChannel.Control;

/// <summary>How long a client stays at a port that it attached to, unless it leaves by itself.</summary>
[JsonConverter(typeof(KebabCase<AttachUntil>))]
public enum AttachUntil
{
    /// <summary>Until the port is unplugged.</summary>
    PortEnd,

    /// <summary>Until the guest's program closes the port; what it wrote before still comes. The end is <see cref="AttachedPort.GuestClosed"/>.</summary>
    /// <remarks>
    /// One opening belongs to one client only where the port says <c>on-guest-close=disconnect</c>, and the clients
    /// attach with <see cref="AttachAccess.Queued"/>. Elsewhere a client may come while the guest is about to close the port
    /// for the one before.
    /// </remarks>
    GuestClose,
}
