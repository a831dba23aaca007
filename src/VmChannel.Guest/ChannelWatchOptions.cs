namespace VmChannel.Guest;

/// <summary>What <see cref="VmChannels.WatchAsync"/> looks at.</summary>
public sealed record ChannelWatchOptions
{
    /// <summary>How often to look at the host ends of channels that this process does not have open itself; the kernel tells of them only
    /// who asks, and only root (debugfs). One second by default; <see cref="Timeout.InfiniteTimeSpan"/> does not look.</summary>
    public TimeSpan SampleInterval { get; init; } = TimeSpan.FromSeconds(1);
}
