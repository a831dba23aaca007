namespace VmChannel.Device.Channels;

/// <summary>What becomes of the host's connection when the guest's program closes the port (<c>on-guest-close=</c>).</summary>
public enum GuestClosePolicy
{
    /// <summary>It stays, and goes on with the next program that opens the port.</summary>
    Keep,

    /// <summary>It ends: each opening in the guest and one connection on the host belong together.</summary>
    Disconnect,
}
