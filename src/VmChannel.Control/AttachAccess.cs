using System.Text.Json.Serialization;

namespace VmChannel.Control;

/// <summary>What a client that attaches to a port is given.</summary>
[JsonConverter(typeof(KebabCase<AttachAccess>))]
public enum AttachAccess
{
    /// <summary>Sees the guest's bytes; what it sends goes to the guest while nobody else holds the channel, and nowhere otherwise.</summary>
    Shared,

    /// <summary>Sees the guest's bytes, and what it sends goes to the guest beside what others send.</summary>
    Writer,

    /// <summary>Sees the guest's bytes; what it sends goes nowhere.</summary>
    Observer,

    /// <summary>Waits until nobody else holds the channel, and has it alone then, unlike <see cref="Shared"/> where all see everything.</summary>
    Queued,
}
