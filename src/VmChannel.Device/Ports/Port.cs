using Microsoft.Extensions.Logging;
using VmChannel.Device.Channels;
using VmChannel.Device.Events;
using VmChannel.Device.Loop;
using VmChannel.Native;

namespace VmChannel.Device.Ports;

/// <summary>A numbered, named end of a device as its guest sees it, on any transport. Loop thread only.</summary>
public sealed partial class Port : IDisposable
{
    /// <summary>Why connections end that belong to an opening in the guest, when its program simply closed the port.</summary>
    public const string GuestClosed = "the guest's program closed the port";

    private readonly Channel _channel;
    private readonly DeviceLoop _loop;
    private readonly ILogger _log;
    private readonly LogLimit _limit = new(burst: 50);
    private readonly HostOpening _opening;
    private PortGate? _gate;
    private Action? _wakeTransport;
    private long _droppedTold;
    private long _refusedTold;
    private string? _closeCause;
    private bool _isDisposed;

    /// <param name="spec">What was asked for.</param>
    /// <param name="end">What serves it; owned from here on.</param>
    /// <param name="loop">The loop that serves it.</param>
    /// <param name="log">One line per change.</param>
    /// <param name="events">One event per change; null = nobody reads them.</param>
    public Port(PortSpec spec, HostEnd end, DeviceLoop loop, ILogger log, VmJournal? events = null)
    {
        Spec = spec;
        _loop = loop;
        _channel = new Channel(end, spec.OnDisconnect, spec.IsConsole, loop)
        {
            ClientsChanged = OnClientsChanged,
            HistoryBytes = spec.Limits.HistoryBytes,
            BufferBytes = spec.Limits.BufferBytes,
        };
        _log = log;
        _channel.OnGuestClose = spec.OnGuestClose;
        _opening = new HostOpening(loop, OnWake);
        Record = new PortRecord(spec, end, events ?? VmJournal.Unread);
    }

    public PortSpec Spec { get; private set; }

    public PortCounters Counters { get; } = new();

    /// <summary>Its state as published, and the events of its changes.</summary>
    public PortRecord Record { get; }

    /// <summary>The port now. Any thread.</summary>
    public PortState State => Record.State;

    /// <summary>A program in the guest holds the port open.</summary>
    public bool IsGuestOpen { get; private set; }

    /// <summary>The guest closed the port, and bytes it wrote before may still be on their way.</summary>
    public bool IsDraining { get; private set; }

    /// <summary>What the guest is told: it may write.</summary>
    public bool IsHostOpen => _opening.IsOpen;

    /// <inheritdoc cref="Channel.PartsOpenings"/>
    public bool PartsOpenings => _channel.PartsOpenings;

    /// <summary>A rate holds bytes back, or has within the last second.</summary>
    public bool IsThrottled => ThrottledSince is not null;

    /// <summary>Since when, UTC; null while it does not.</summary>
    public DateTimeOffset? ThrottledSince => _gate?.ThrottledSince;

    /// <summary>The driver makes a console of the port, whatever it was meant to be: see <see cref="Channel.NeverHolds"/>.</summary>
    public void TreatAsConsole(bool isConsole)
    {
        _channel.NeverHolds = isConsole || Spec.IsConsole;
        LookAtOpening();
        Record.LookAtHost(HostEnd, IsConnected, IsHostOpen);
    }

    /// <summary>The host end itself, whatever the guest is told.</summary>
    public HostEnd HostEnd => _channel.End;

    /// <summary>Bytes for the guest may be there: trying is cheap.</summary>
    public bool MayRead => _channel.MayRead && !_opening.IsDue;

    /// <inheritdoc cref="Channel.HasInput"/>
    public bool HasInput => _channel.HasInput;

    public long DroppedBytes => _channel.DroppedBytes;

    /// <inheritdoc cref="Channel.NeverHolds"/>
    public bool NeverHolds => _channel.NeverHolds;

    /// <summary>Bytes were taken from the guest that the host end has not taken yet.</summary>
    public bool HoldsBytes => _channel.HoldsBytes;

    /// <summary>Begins to serve the host end.</summary>
    /// <exception cref="HostEndException">The host end cannot start, or the log file cannot be written.</exception>
    public void Start()
    {
        _channel.Start(OnWake);
        ApplyGate(Spec);
        LookAtOpening();
        Record.LookAtHost(HostEnd, IsConnected, IsHostOpen);
    }

    /// <summary>Changes limits, access, log file and what happens while nobody is there. The host end and the guest notice nothing else.</summary>
    /// <param name="changed">With the same number, name and kind.</param>
    /// <exception cref="HostEndException">The log file cannot be written; nothing has changed then.</exception>
    public void Apply(PortSpec changed)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(
            (changed.Number, changed.Protocol, changed.IsConsole), (Spec.Number, Spec.Protocol, Spec.IsConsole), nameof(changed));
        ApplyGate(changed);
        PortSpec before = Spec;
        Spec = changed;
        _channel.Policy = changed.OnDisconnect;
        _channel.OnGuestClose = changed.OnGuestClose;
        _channel.HistoryBytes = changed.Limits.HistoryBytes;
        _channel.BufferBytes = changed.Limits.BufferBytes;
        LookAtOpening();
        Record.SetSpec(changed, WhatDiffers(before, changed));
        Record.LookAtHost(HostEnd, IsConnected, IsHostOpen);
        _wakeTransport?.Invoke();
    }

    /// <summary>The transport that carries this port; one at a time.</summary>
    /// <param name="wake">Called when host-open changed, bytes may be there, or there may be room. Null detaches.</param>
    public void AttachTransport(Action? wake)
    {
        if ((wake is null) != (_wakeTransport is null))
        {
            Record.SetPlugged(wake is not null);
        }

        _wakeTransport = wake;
    }

    /// <summary>The guest opened or closed its end.</summary>
    /// <param name="isOpen">It is open.</param>
    /// <param name="cause">Why, when it was not simply a program that opened or closed it.</param>
    public void SetGuestOpen(bool isOpen, string? cause = null)
    {
        if (isOpen != IsGuestOpen)
        {
            if (isOpen && PartsOpenings)
            {
                // A transport that cannot tell whose bytes are on their way: the old opening ends all the same.
                OnDrained();
            }

            IsGuestOpen = isOpen;
            IsDraining = !isOpen;
            Record.SetGuestOpen(isOpen, cause);
            if (_limit.Pass(out long swallowed))
            {
                LogGuest(Spec, isOpen ? "opened" : "closed", Swallowed(swallowed));
            }

            _closeCause = cause;
            _channel.OnGuestOpen(isOpen);
            if (_channel.IsPaired)
            {
                if (isOpen)
                {
                    _opening.OnGuestOpened();
                }

                OnWake();
            }
        }
    }

    /// <summary>No byte that the guest wrote before it closed the port will come any more: all are delivered, or gone with their queue.</summary>
    public void OnDrained()
    {
        if (IsDraining)
        {
            IsDraining = false;
            Record.SetDrained();
            _channel.OnGuestDrained(_closeCause ?? GuestClosed);
        }
    }

    /// <summary>Bytes from the guest. Returns how many were taken; the rest must wait where it is.</summary>
    public long FromGuest(ReadOnlySpan<IoVector> source, long length)
    {
        long taken = _gate is null ? _channel.Write(source, length) : _gate.FromGuest(source, length);
        Counters.FromGuestBytes += taken;
        if (_channel.DroppedBytes > _droppedTold)
        {
            TellDropped();
        }

        return taken;
    }

    /// <summary>Fills buffers of the guest. Returns the bytes given.</summary>
    public long ToGuest(ReadOnlySpan<IoVector> destination)
    {
        long given = _gate is null ? _channel.Read(destination) : _gate.ToGuest(destination);
        Counters.ToGuestBytes += given;
        return given;
    }

    /// <summary>Bytes wait since a while.</summary>
    internal void TellStalled(StallReason reason, DateTimeOffset since)
    {
        Counters.Stalls++;
        Record.SetStalled(reason, since);
        LogStalled(Spec, reason.Describe());
    }

    public void Dispose()
    {
        _wakeTransport = null;
        if (!_isDisposed && Counters.FromGuestBytes + Counters.ToGuestBytes > 0)
        {
            LogSummary(Spec, Counters.FromGuestBytes, Counters.ToGuestBytes, DroppedBytes, Counters.WakeNudges);
        }

        _isDisposed = true;
        _opening.Dispose();
        _gate?.Dispose();
        _channel.Dispose();
    }

    private static string Swallowed(long lines) => lines == 0 ? "" : $" ({lines} lines like this were left out)";

    private static string WhatDiffers(PortSpec before, PortSpec after)
        => string.Join(", ", new[]
        {
            before.Limits == after.Limits ? null : "limits",
            before.OnDisconnect == after.OnDisconnect ? null : "on-disconnect",
            before.OnGuestClose == after.OnGuestClose ? null : "on-guest-close",
            before.LogFile == after.LogFile ? null : "logfile",
        }.OfType<string>());

    private void TellDropped()
    {
        // Grows tenfold from line to line: a console that nobody reads drops for ever.
        _droppedTold = _channel.DroppedBytes * 10;
        LogDropped(Spec, _channel.DroppedBytes);
    }

    /// <summary>Whether the guest may write now, and who belongs to whom once it knows.</summary>
    private void LookAtOpening()
    {
        _opening.Follow(_channel.IsOpen || Spec.Limits.Access == PortAccess.WriteOnly);
        if (IsGuestOpen && IsHostOpen)
        {
            _channel.Join();
        }
    }

    private void OnWake()
    {
        LookAtOpening();
        bool isHostNews = IsConnected != State.IsHostOpen;
        if (isHostNews || IsHostOpen != State.IsWritable || HostEnd.Detail != State.HostDetail)
        {
            Record.LookAtHost(HostEnd, IsConnected, IsHostOpen);
        }

        if (isHostNews)
        {
            LogHost(Spec, IsConnected ? "connected" : "disconnected", HostEnd.IsOpen == IsConnected ? HostEnd.Detail ?? HostEnd.Description : "a client");
        }

        long refused = HostEnd.RefusedPeers;
        if (refused > _refusedTold)
        {
            Record.Tell(DeviceEventKind.PeerRefused, HostEnd.LastRefused);
        }

        TellLostInput();
        Record.SetAwaitsClose(_channel.AwaitsGuestClose);

        // Another host end counts from zero.
        _refusedTold = refused;
        _gate?.OnWake();
        _wakeTransport?.Invoke();
    }

    private void ApplyGate(PortSpec spec)
    {
        if (PortGate.IsNeeded(spec))
        {
            PortGate gate = _gate ?? new PortGate(spec, _channel, Counters, _loop, _log, () => _wakeTransport?.Invoke());
            gate.Apply(spec);
            _gate = gate;
        }
        else
        {
            _gate?.Dispose();
            _gate = null;
        }
    }

    [LoggerMessage(10, LogLevel.Information, "{Port}: guest {What}{Swallowed}")]
    private partial void LogGuest(PortSpec port, string what, string swallowed);

    [LoggerMessage(12, LogLevel.Warning, "{Port}: {Bytes} bytes of the guest dropped, because no host end takes them")]
    private partial void LogDropped(PortSpec port, long bytes);

    [LoggerMessage(85, LogLevel.Information, "{Port}: stalled: {Reason}")]
    private partial void LogStalled(PortSpec port, string reason);

    [LoggerMessage(13, LogLevel.Information, "{Port}: {FromGuest} bytes from the guest, {ToGuest} to it, {Dropped} dropped, {Nudges} writers woken")]
    private partial void LogSummary(PortSpec port, long fromGuest, long toGuest, long dropped, long nudges);

    [LoggerMessage(11, LogLevel.Information, "{Port}: host {What}: {Detail}")]
    private partial void LogHost(PortSpec port, string what, string detail);
}
