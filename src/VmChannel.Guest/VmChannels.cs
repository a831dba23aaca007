using VmChannel.Wire;

namespace VmChannel.Guest;

/// <summary>The channels between this virtual machine and its host: what there are, opening one, and what changes.</summary>
/// <remarks>
/// Works on what the kernel shows, with or without links in <c>/dev/vmchannel</c>. When the environment variable <c>VMCHANNEL_DIR</c> names a
/// folder, its unix sockets are the channels instead: <c>$VMCHANNEL_DIR/org.example.log</c> is <c>org.example.log</c>. So a program can
/// be tested without a virtual machine, against a test that listens there.
/// </remarks>
public static class VmChannels
{
    // A node may be there before udev has given it to its group.
    private static readonly TimeSpan RightsGrace = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan RightsCheck = TimeSpan.FromMilliseconds(50);

    /// <summary>The channels there are now, in the order of their names.</summary>
    /// <returns>A copy; empty where there is none, or no driver.</returns>
    public static IReadOnlyList<ChannelInfo> List() => ChannelScan.Read();

    /// <summary>Opens a channel; the stream ends when the host closes its end (<see cref="HostCloseBehavior.EndStream"/>).</summary>
    /// <param name="name">Protocol name, compared byte for byte.</param>
    /// <param name="timeout">How long to wait for the channel to be plugged in: <see cref="TimeSpan.Zero"/>, the default, looks once,
    /// <see cref="Timeout.InfiniteTimeSpan"/> waits for ever. The host's end is not waited for.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>The open channel, owned by the caller.</returns>
    /// <exception cref="ArgumentException">The name is no protocol name.</exception>
    /// <exception cref="ChannelNotFoundException">There is no such channel, and none came in time.</exception>
    /// <exception cref="ChannelBusyException">Another program has it open.</exception>
    /// <exception cref="ChannelAccessDeniedException">This user may not open it.</exception>
    /// <exception cref="ChannelException">It cannot be opened for another reason, such as being a console.</exception>
    public static ValueTask<ChannelStream> OpenAsync(string name, TimeSpan timeout = default, CancellationToken cancellationToken = default) =>
        OpenAsync(name, new ChannelOpenOptions { Timeout = timeout }, cancellationToken);

    /// <summary>Opens a channel.</summary>
    /// <param name="name">Protocol name, compared byte for byte.</param>
    /// <param name="options">How.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <inheritdoc cref="OpenAsync(string, TimeSpan, CancellationToken)" path="/returns"/>
    /// <inheritdoc cref="OpenAsync(string, TimeSpan, CancellationToken)" path="/exception"/>
    public static async ValueTask<ChannelStream> OpenAsync(string name, ChannelOpenOptions options, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(name);
        ArgumentNullException.ThrowIfNull(options);
        if (!ProtocolName.TryParse(name, out _, out string? reason))
        {
            throw new ArgumentException($"'{name}' is no protocol name: it {reason}", nameof(name));
        }

        Deadline deadline = new(options.Timeout);
        if (options.Timeout == TimeSpan.Zero)
        {
            return TryOpen(name, options, out ChannelException? failure) ?? throw failure!;
        }

        using ChannelChanges changes = new();
        Deadline? rights = null;
        while (true)
        {
            cancellationToken.ThrowIfCancellationRequested();
            ChannelStream? stream = TryOpen(name, options, out ChannelException? failure);
            if (stream is not null)
            {
                return stream;
            }

            rights = failure is ChannelAccessDeniedException ? rights ?? new(RightsGrace) : null;
            bool mayChange = failure is ChannelNotFoundException || rights is { IsOver: false };
            if (!mayChange || deadline.IsOver)
            {
                throw failure!;
            }

            await changes.WaitAsync(rights is null || (deadline.Left >= TimeSpan.Zero && deadline.Left < RightsCheck) ? deadline.Left : RightsCheck, cancellationToken);
        }
    }

    /// <summary>Tells what is plugged, and then every change, until it is cancelled.</summary>
    /// <param name="options">What to look at; null for the defaults.</param>
    /// <param name="cancellationToken">Ends it, with <see cref="OperationCanceledException"/>.</param>
    /// <returns>First a <see cref="ChannelEventKind.Plugged"/> for each channel there is, and a <see cref="ChannelEventKind.HostOpened"/> for each whose
    /// host's end is known to be open; then what changes. What comes and goes faster than it is looked at may be left out.</returns>
    public static IAsyncEnumerable<ChannelEvent> WatchAsync(ChannelWatchOptions? options = null, CancellationToken cancellationToken = default) =>
        ChannelWatch.RunAsync(options ?? new(), cancellationToken);

    private static ChannelStream? TryOpen(string name, ChannelOpenOptions options, out ChannelException? failure)
    {
        ChannelInfo? channel = ChannelScan.Read().Find(channel => channel.Name == name);
        failure = null;
        try
        {
            if (channel is not null)
            {
                return ChannelOpening.Open(channel, options.OnHostClose);
            }

            failure = new ChannelNotFoundException(name, NotFound(name, options.Timeout));
        }
        catch (ChannelException fault)
        {
            failure = fault;
        }

        return null;
    }

    private static string NotFound(string name, TimeSpan timeout)
    {
        string where = SocketFolder.Path is not string folder ? "on this machine"
            : $"in {folder} ({SocketFolder.Variable}{(Directory.Exists(folder) ? "" : ": there is no such folder")})";
        string waited = timeout == TimeSpan.Zero ? "; to wait until it is plugged in, give a timeout" : FormattableString.Invariant($" after {timeout.TotalSeconds} s");
        return $"no channel {name} {where}{waited}. vmchannel-guest list shows those there are";
    }
}
