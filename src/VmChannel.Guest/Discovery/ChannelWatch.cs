using System.Runtime.CompilerServices;

namespace VmChannel.Guest;

/// <summary>Turns looks at the channels into events.</summary>
internal static class ChannelWatch
{
    public static async IAsyncEnumerable<ChannelEvent> RunAsync(
        ChannelWatchOptions options, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        using ChannelChanges changes = new();
        OpenChannels.OnChange += changes.Tell;
        try
        {
            Dictionary<(string Name, string DevicePath), ChannelInfo> known = [];
            while (true)
            {
                cancellationToken.ThrowIfCancellationRequested();
                List<ChannelInfo> found = ChannelScan.Read();
                foreach (ChannelEvent change in Difference(known, found))
                {
                    yield return change;
                }

                known = found.ToDictionary(channel => (channel.Name, channel.DevicePath));

                // By the clock only where that shows more than events do.
                await changes.WaitAsync(PortState.IsKnowable ? options.SampleInterval : Timeout.InfiniteTimeSpan, cancellationToken);
            }
        }
        finally
        {
            OpenChannels.OnChange -= changes.Tell;
        }
    }

    /// <summary>What must have happened between two looks.</summary>
    public static IEnumerable<ChannelEvent> Difference(IReadOnlyDictionary<(string Name, string DevicePath), ChannelInfo> known, List<ChannelInfo> found)
    {
        foreach (ChannelInfo gone in known.Values.Where(old => !found.Exists(channel => IsSame(channel, old))))
        {
            yield return new(ChannelEventKind.Unplugged, gone);
        }

        foreach (ChannelInfo channel in found)
        {
            bool isNew = !known.TryGetValue((channel.Name, channel.DevicePath), out ChannelInfo? old);
            if (isNew)
            {
                yield return new(ChannelEventKind.Plugged, channel);
            }

            if (channel.HostOpen is bool isOpen && isOpen != (old?.HostOpen ?? false))
            {
                yield return new(isOpen ? ChannelEventKind.HostOpened : ChannelEventKind.HostClosed, channel);
            }
        }
    }

    private static bool IsSame(ChannelInfo channel, ChannelInfo other) => channel.Name == other.Name && channel.DevicePath == other.DevicePath;
}
