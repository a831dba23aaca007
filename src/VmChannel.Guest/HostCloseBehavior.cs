namespace VmChannel.Guest;

/// <summary>What a <see cref="ChannelStream"/> does when the host's end closes after it was open.</summary>
public enum HostCloseBehavior
{
    /// <summary>The stream ends, as a connection does: reads give what was received, then 0; writes throw <see cref="HostClosedException"/>.</summary>
    EndStream,

    /// <summary>The stream goes on: reads and writes wait for the next host, and <see cref="ChannelStream.Generation"/> grows.</summary>
    Continue,
}
