namespace VmChannel.Device.Channels;

/// <summary>How many clients a server takes at a time, and what they may do (<c>clients=</c>, <c>mode=</c>, <c>writers=</c>).</summary>
/// <param name="Count">Clients at a time; more wait unaccepted.</param>
/// <param name="Mode">What those besides the first get.</param>
/// <param name="AllMayWrite">Bytes of every client go to the guest; otherwise those of the first alone.</param>
public sealed record ClientsSpec(int Count, ClientMode Mode, bool AllMayWrite)
{
    /// <summary>More would not be a channel's clients any more, but an attack on this process's descriptors.</summary>
    public const int MaxCount = 1024;

    /// <summary>One client; the next waits in the listen queue.</summary>
    public static ClientsSpec Single { get; } = new(1, ClientMode.First, AllMayWrite: false);
}

/// <summary>What several clients of one channel get.</summary>
public enum ClientMode
{
    /// <summary>The first is served; the others wait, in the order in which they came.</summary>
    First,

    /// <summary>All see the guest's bytes.</summary>
    Broadcast,
}
