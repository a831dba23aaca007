namespace VmChannel.Guest;

/// <summary>What has happened to a channel.</summary>
public enum ChannelEventKind
{
    /// <summary>The channel is there and has its name.</summary>
    Plugged,

    /// <summary>The channel is gone.</summary>
    Unplugged,

    /// <summary>The host's end was opened.</summary>
    HostOpened,

    /// <summary>The host's end was closed.</summary>
    HostClosed,
}

/// <summary>One change, as told by <see cref="VmChannels.WatchAsync"/>.</summary>
/// <param name="Kind">What has happened.</param>
/// <param name="Channel">The channel after it; before it for <see cref="ChannelEventKind.Unplugged"/>.</param>
public sealed record ChannelEvent(ChannelEventKind Kind, ChannelInfo Channel);
