using Microsoft.Extensions.Logging;
using VmChannel.Device.Channels;
using VmChannel.Device.Events;
using VmChannel.Device.Loop;

namespace VmChannel.Device.Ports;

/// <content>What can be changed while the guest has the port open: the host end, the clients beside it, the taps.</content>
public sealed partial class Port
{
    private readonly LogLimit _clientLimit = new(burst: 50);
    private readonly LogLimit _clientTroubleLimit = new(burst: 50);

    /// <summary>Those who are served or wait besides the host end, by age. Any thread; replaced as a whole with each change.</summary>
    public IReadOnlyList<ClientState> Clients => _channel.Clients;

    /// <summary>Somebody takes the guest's bytes: the host end or a client.</summary>
    public bool IsConnected => _channel.IsConnected;

    /// <summary>Told of every change among the clients.</summary>
    public Action<ClientChange>? ClientsChanged { get; set; }

    /// <summary>After <see cref="Dispose"/>: what all host ends took from the guest has been stored, or given up.</summary>
    public Task Completion => _channel.Completion;

    /// <inheritdoc cref="Channel.Prepare"/>
    public void Prepare(HostEnd next) => _channel.Prepare(next);

    /// <summary>Starts another host end and lets it serve the port at once.</summary>
    /// <param name="next">Not started; owned from here on, also after a failure.</param>
    /// <exception cref="HostEndException">It cannot start: everything is as it was.</exception>
    public void Replace(HostEnd next)
    {
        Prepare(next);
        Adopt(next);
    }

    /// <summary>The host end goes on, and does something else than before.</summary>
    /// <param name="what">For people.</param>
    public void TellHostChanged(string what) => Record.Tell(DeviceEventKind.Changed, what);

    /// <inheritdoc cref="Channel.Adopt"/>
    public void Adopt(HostEnd next)
    {
        ArgumentNullException.ThrowIfNull(next);
        _channel.Adopt(next);
        LookAtOpening();
        Record.LookAtHost(next, IsConnected, IsHostOpen);
        Record.Tell(DeviceEventKind.Changed, $"the host end is {next.Description}");
        LogReplaced(Spec, next.Description);
        TellLostInput();
    }

    private void TellLostInput()
    {
        long lost = _channel.LostInputBytes;
        if (lost > Counters.LostToGuestBytes)
        {
            if (Counters.LostToGuestBytes == 0)
            {
                LogLostInput(Spec, lost);
            }

            Counters.LostToGuestBytes = lost;
        }
    }

    /// <inheritdoc cref="Channel.AddClient"/>
    public int AddClient(HostEnd client, ClientAccess access, bool untilGuestCloses = false)
        => _channel.AddClient(client, access, untilGuestCloses);

    /// <inheritdoc cref="Channel.AddTap"/>
    public void AddTap(ITap tap) => _channel.AddTap(tap);

    /// <inheritdoc cref="Channel.RemoveTap"/>
    public bool RemoveTap(ITap tap) => _channel.RemoveTap(tap);

    private void OnClientsChanged(ClientChange change)
    {
        // Those who come and go, many at once perhaps, must not hide what went wrong.
        bool isTrouble = change.Kind is ClientChangeKind.Dropped or ClientChangeKind.InputDropped;
        LogLevel level = isTrouble ? LogLevel.Warning : LogLevel.Information;
        if (_log.IsEnabled(level) && (isTrouble ? _clientTroubleLimit : _clientLimit).Pass(out long swallowed))
        {
            string what = change.Kind switch
            {
                ClientChangeKind.Connected => "connected",
                ClientChangeKind.Disconnected => "disconnected",
                ClientChangeKind.Dropped => "dropped",
                ClientChangeKind.Promoted => "holds the channel now",
                _ => "what it sends is dropped",
            };
            string leftOut = Swallowed(swallowed);
            LogClient(level, Spec, change.Id, what, change.Reason ?? change.Description, leftOut);
        }

        DeviceEventKind? kind = change.Kind switch
        {
            ClientChangeKind.Connected => DeviceEventKind.ClientConnected,
            ClientChangeKind.Disconnected => DeviceEventKind.ClientDisconnected,
            ClientChangeKind.Dropped => DeviceEventKind.ClientDropped,
            ClientChangeKind.Promoted => DeviceEventKind.ClientPromoted,
            _ => null,
        };
        if (kind is not null)
        {
            Record.Tell(kind.Value, Cause(change));
        }

        ClientsChanged?.Invoke(change);
    }

    /// <summary>Who and why; a host end says the first itself.</summary>
    private static string Cause(ClientChange change)
        => change.Reason is not string reason ? change.Description
            : reason.StartsWith(change.Description, StringComparison.Ordinal) ? reason
            : $"{change.Description}: {reason}";

    [LoggerMessage(70, LogLevel.Information, "{Port}: the host end is {HostEnd} from now on")]
    private partial void LogReplaced(PortSpec port, string hostEnd);

    [LoggerMessage(72, LogLevel.Information, "{Port}: {Bytes} bytes for the guest were dropped: it closed the port, or host end after host end was replaced, before it read them")]
    private partial void LogLostInput(PortSpec port, long bytes);

    [LoggerMessage(EventId = 71, Message = "{Port}: client {Client} {What}: {Detail}{Swallowed}")]
    private partial void LogClient(LogLevel level, PortSpec port, int client, string what, string detail, string swallowed);
}
