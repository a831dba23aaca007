using Microsoft.Extensions.Logging;
using VmChannel.Device.Channels;
using VmChannel.Device.Loop;
using VmChannel.Native;

namespace VmChannel.Device.Ports;

/// <summary>Stands between a guest and the channel of a port that has a rate, a log file, or clients that may not do everything.</summary>
/// <remarks>A port without any of these has none. Loop thread only.</remarks>
internal sealed partial class PortGate : IDisposable
{
    private readonly Channel _channel;
    private readonly DeviceLoop _loop;
    private readonly PortCounters _counters;
    private readonly ILogger _log;
    private readonly Action _wake;
    private PortSpec _spec;
    private RateLimit? _fromGuest;
    private RateLimit? _toGuest;
    private OutputLog? _output;
    private InputDrain? _drain;
    private long _toldFromGuest;
    private long _toldToGuest;

    /// <param name="spec">The port as it is made; <see cref="Apply"/> makes it so.</param>
    /// <param name="channel">The port's.</param>
    /// <param name="counters">The port's.</param>
    /// <param name="loop">For timers.</param>
    /// <param name="log">The port's.</param>
    /// <param name="wake">Called when more may pass.</param>
    public PortGate(PortSpec spec, Channel channel, PortCounters counters, DeviceLoop loop, ILogger log, Action wake)
    {
        _spec = spec with { Limits = PortLimits.Default, LogFile = null };
        _channel = channel;
        _loop = loop;
        _counters = counters;
        _log = log;
        _wake = wake;
    }

    /// <summary>Since when a rate holds bytes back, UTC; null while none does.</summary>
    public DateTimeOffset? ThrottledSince => Earliest(_fromGuest?.ThrottledSince, _toGuest?.ThrottledSince);

    /// <summary>A port as this one is to be cannot do without a gate.</summary>
    public static bool IsNeeded(PortSpec spec)
        => spec.LogFile is not null || spec.Limits.BytesPerSecond is not null || spec.Limits.Access != PortAccess.ReadWrite;

    /// <summary>Takes over what differs.</summary>
    /// <exception cref="HostEndException">The log file cannot be written; nothing has changed then.</exception>
    public void Apply(PortSpec spec)
    {
        if (spec.LogFile?.Path != _spec.LogFile?.Path)
        {
            OutputLog? next = spec.LogFile is LogFileSpec file ? new OutputLog(spec, file, _counters, _log) : null;
            next?.Start();
            _output?.Dispose();
            _output = next;
        }
        else if (_output is not null)
        {
            _output.Spec = spec.LogFile!;
        }

        if (spec.Limits.BytesPerSecond != _spec.Limits.BytesPerSecond)
        {
            _fromGuest?.Dispose();
            _toGuest?.Dispose();
            _fromGuest = spec.Limits.BytesPerSecond is long output ? new RateLimit(_loop, output, _wake) : null;
            _toGuest = spec.Limits.BytesPerSecond is long input ? new RateLimit(_loop, input, _wake) : null;
        }

        _spec = spec;
        if (spec.Limits.Access != PortAccess.ReadOnly)
        {
            _drain?.Stop();
            _drain = null;
        }
        else
        {
            _drain ??= new InputDrain(_loop, _channel, OnInputDropped);
            _drain.Look();
        }
    }

    /// <summary>The host end has changed, or may have bytes.</summary>
    public void OnWake() => _drain?.Look();

    /// <inheritdoc cref="Port.FromGuest"/>
    public long FromGuest(ReadOnlySpan<IoVector> source, long length)
    {
        // What spins until its bytes are taken cannot be slowed down.
        if (_fromGuest is not { } limit || _channel.NeverHolds)
        {
            return Pass(source, length);
        }

        long granted = limit.Grant(length);
        if (granted == 0)
        {
            return 0;
        }

        long taken = granted == length ? Pass(source, length) : PassFirst(source, granted);
        limit.Spend(length, granted, taken);
        return taken;
    }

    /// <inheritdoc cref="Port.ToGuest"/>
    public long ToGuest(ReadOnlySpan<IoVector> destination)
    {
        if (_drain is not null)
        {
            return 0;
        }

        if (_toGuest is not { } limit)
        {
            return _channel.Read(destination);
        }

        long room = IoVector.Sum(destination);
        long granted = limit.Grant(room);
        if (granted == 0)
        {
            return 0;
        }

        Span<IoVector> pieces = stackalloc IoVector[destination.Length];
        long given = _channel.Read(pieces[..IoVector.Slice(destination, 0, granted, pieces)]);
        limit.Spend(room, granted, given);
        return given;
    }

    public void Dispose()
    {
        _fromGuest?.Dispose();
        _toGuest?.Dispose();
        _output?.Dispose();
        _drain?.Stop();
    }

    private static DateTimeOffset? Earliest(DateTimeOffset? first, DateTimeOffset? second) => first < second ? first : second ?? first;

    private long PassFirst(ReadOnlySpan<IoVector> source, long count)
    {
        Span<IoVector> pieces = stackalloc IoVector[source.Length];
        return Pass(pieces[..IoVector.Slice(source, 0, count, pieces)], count);
    }

    private long Pass(ReadOnlySpan<IoVector> source, long length)
    {
        long taken = length;
        if (_spec.Limits.Access == PortAccess.WriteOnly)
        {
            OnOutputDropped(length);
        }
        else
        {
            taken = _channel.Write(source, length);
        }

        if (taken > 0)
        {
            _output?.Write(source, taken);
        }

        return taken;
    }

    // Both grow tenfold from line to line: what may not be sent may be sent for ever.
    private void OnOutputDropped(long bytes)
    {
        _counters.RefusedFromGuestBytes += bytes;
        if (_counters.RefusedFromGuestBytes > _toldFromGuest)
        {
            _toldFromGuest = _counters.RefusedFromGuestBytes * 10;
            LogOutputDropped(_spec, _counters.RefusedFromGuestBytes);
        }
    }

    private void OnInputDropped(long bytes)
    {
        _counters.RefusedToGuestBytes += bytes;
        if (_counters.RefusedToGuestBytes > _toldToGuest)
        {
            _toldToGuest = _counters.RefusedToGuestBytes * 10;
            LogInputDropped(_spec, _counters.RefusedToGuestBytes);
        }
    }

    [LoggerMessage(80, LogLevel.Warning, "{Port}: {Bytes} bytes of clients dropped, because the port is readonly")]
    private partial void LogInputDropped(PortSpec port, long bytes);

    [LoggerMessage(81, LogLevel.Information, "{Port}: {Bytes} bytes of the guest dropped, because the port is writeonly")]
    private partial void LogOutputDropped(PortSpec port, long bytes);
}
