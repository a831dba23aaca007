namespace VmChannel.Guest;

/// <summary>How <see cref="VmChannels.OpenAsync(string, ChannelOpenOptions, CancellationToken)"/> opens a channel.</summary>
public sealed record ChannelOpenOptions
{
    /// <summary>How long to wait for the channel to be plugged in: <see cref="TimeSpan.Zero"/>, the default, looks once,
    /// <see cref="System.Threading.Timeout.InfiniteTimeSpan"/> waits for ever.</summary>
    public TimeSpan Timeout { get; init; }

    /// <summary>What happens when the host's end closes.</summary>
    public HostCloseBehavior OnHostClose { get; init; }
}
