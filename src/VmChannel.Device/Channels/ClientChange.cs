namespace VmChannel.Device.Channels;

/// <summary>What happened to a client of a channel.</summary>
public enum ClientChangeKind
{
    Connected,

    /// <summary>It left, or was sent away by its owner.</summary>
    Disconnected,

    /// <summary>It was too slow, or could not be served.</summary>
    Dropped,

    /// <summary>It holds the channel from now on: who did before has left.</summary>
    Promoted,

    /// <summary>It may not write and sent something. Told once.</summary>
    InputDropped,
}

/// <summary>One change in who is there, besides the host end.</summary>
/// <param name="Kind">What happened.</param>
/// <param name="Id">The client's: see <see cref="ClientState.Id"/>.</param>
/// <param name="Description">Who it is.</param>
/// <param name="Reason">Why, for people; null when the kind says it all.</param>
public readonly record struct ClientChange(ClientChangeKind Kind, int Id, string Description, string? Reason);
