using VmChannel.Desktop;
using VmChannel.Guest;

namespace VmChannel.GuestTool.Clipboards;

/// <summary>Shares the desktop's clipboard with whoever is at the host's end of a channel, until the desktop goes.</summary>
internal sealed class ShareLoop(IReadOnlyList<string> names, IDesktopClipboard desktop, int maxBytes, string? folder)
{
    private static readonly TimeSpan Pause = TimeSpan.FromSeconds(1);

    // udev gives a port that has just been plugged in to its group in this time.
    private static readonly TimeSpan RightsTime = TimeSpan.FromSeconds(2);

    /// <returns>Why it ended.</returns>
    /// <exception cref="ChannelException">The channel is another program's, or may not be opened.</exception>
    /// <exception cref="OperationCanceledException">It was stopped.</exception>
    public async Task<string> RunAsync(CancellationToken cancellation)
    {
        using CancellationTokenSource stop = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        Task sharing = ShareAsync(stop.Token);
        if (await Task.WhenAny(sharing, desktop.Gone) == sharing)
        {
            await sharing;
        }

        await stop.CancelAsync();
        await sharing.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        return await desktop.Gone;
    }

    private async Task ShareAsync(CancellationToken cancellation)
    {
        bool isSaid = false;
        while (true)
        {
            if (VmChannels.List().Select(channel => channel.Name).OfType<string>().Intersect(names).ToArray() is not [_, ..] there)
            {
                if (!isSaid)
                {
                    _ = Failure.Report($"no channel {string.Join(" or ", names)} on this machine; it is waited for");
                    isSaid = true;
                }

                await Task.Delay(Pause, cancellation);
                continue;
            }

            try
            {
                await using ChannelStream channel = await VmChannels.OpenAsync(names.First(there.Contains), RightsTime, cancellation);
                await channel.WaitForHostAsync(cancellation);
                await new HostSession(channel, desktop, maxBytes, folder).RunAsync(cancellation);
            }
            catch (Exception e) when (e is ChannelNotFoundException or ChannelUnpluggedException or HostClosedException)
            {
                // The host, or the channel, may come back.
            }
            catch (InvalidDataException e)
            {
                _ = Failure.Report($"{e.Message}; it is tried again");
                await Task.Delay(Pause, cancellation);
            }
        }
    }
}
