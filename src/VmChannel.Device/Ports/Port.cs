using Microsoft.Extensions.Logging;
using VmChannel.Device.Channels;
using VmChannel.Native;

namespace VmChannel.Device.Ports;

/// <summary>A numbered, named end of a device as its guest sees it, on any transport. Loop thread only.</summary>
public sealed partial class Port : IDisposable
{
    private readonly Channel _channel;
    private readonly ILogger _log;
    private Action? _wakeTransport;
    private bool _hostWasOpen;

    public Port(PortSpec spec, HostEnd end, ILogger log)
    {
        Spec = spec;
        _channel = new Channel(end, spec.OnDisconnect, spec.IsConsole);
        _log = log;
    }

    public PortSpec Spec { get; }

    public PortCounters Counters { get; } = new();

    /// <summary>A program in the guest holds the port open.</summary>
    public bool IsGuestOpen { get; private set; }

    /// <summary>What the guest is told: it may write.</summary>
    public bool IsHostOpen => _channel.IsOpen;

    /// <summary>The driver makes a console of the port, whatever it was meant to be: see <see cref="Channel.NeverHolds"/>.</summary>
    public void TreatAsConsole(bool isConsole) => _channel.NeverHolds = isConsole || Spec.IsConsole;

    /// <summary>The host end itself, whatever the guest is told.</summary>
    public HostEnd HostEnd => _channel.End;

    public long DroppedBytes => _channel.DroppedBytes;

    /// <summary>Begins to serve the host end.</summary>
    /// <exception cref="HostEndException">The host end cannot start.</exception>
    public void Start() => _channel.Start(OnWake);

    /// <summary>The transport that carries this port; one at a time.</summary>
    /// <param name="wake">Called when host-open changed, bytes may be there, or there may be room. Null detaches.</param>
    public void AttachTransport(Action? wake) => _wakeTransport = wake;

    /// <summary>The guest opened or closed its end.</summary>
    public void SetGuestOpen(bool isOpen)
    {
        if (isOpen != IsGuestOpen)
        {
            IsGuestOpen = isOpen;
            LogGuest(Spec, isOpen ? "opened" : "closed");
            _channel.OnGuestOpen(isOpen);
        }
    }

    /// <summary>Bytes from the guest. Returns how many were taken; the rest must wait where it is.</summary>
    public long FromGuest(ReadOnlySpan<IoVector> source, long length)
    {
        long taken = _channel.Write(source, length);
        Counters.FromGuestBytes += taken;
        return taken;
    }

    /// <summary>Fills buffers of the guest. Returns the bytes given.</summary>
    public long ToGuest(ReadOnlySpan<IoVector> destination)
    {
        long given = _channel.Read(destination);
        Counters.ToGuestBytes += given;
        return given;
    }

    public void Dispose()
    {
        _wakeTransport = null;
        _channel.Dispose();
    }

    private void OnWake()
    {
        if (HostEnd.IsOpen != _hostWasOpen)
        {
            _hostWasOpen = HostEnd.IsOpen;
            LogHost(Spec, _hostWasOpen ? "connected" : "disconnected", HostEnd.Detail ?? HostEnd.Description);
        }

        _wakeTransport?.Invoke();
    }

    [LoggerMessage(10, LogLevel.Information, "{Port}: guest {What}")]
    private partial void LogGuest(PortSpec port, string what);

    [LoggerMessage(11, LogLevel.Information, "{Port}: host {What}: {Detail}")]
    private partial void LogHost(PortSpec port, string what, string detail);
}
