namespace VmChannel.Device.Channels;

/// <summary>What happens to the guest's bytes while no host end is there (<c>on-disconnect=</c>).</summary>
public enum DisconnectPolicy
{
    /// <summary>The port is closed for the guest, its writers wait, and what it had queued waits for the next host end.</summary>
    Hold,

    /// <summary>The port stays open for the guest and the bytes are dropped and counted.</summary>
    Discard,
}
