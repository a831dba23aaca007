namespace VmChannel.Control;

/// <summary>How fast a port's bytes moved over some time.</summary>
public sealed record PortRates
{
    /// <summary>The VM it belongs to.</summary>
    public required string Vm { get; init; }

    /// <summary>The port at the end of that time.</summary>
    public required PortInfo Port { get; init; }

    public double FromGuestBytesPerSecond { get; init; }

    public double ToGuestBytesPerSecond { get; init; }

    /// <summary>Buffers of the guest per second, both ways.</summary>
    public double MessagesPerSecond { get; init; }

    /// <summary>Bytes of the guest that were dropped per second.</summary>
    public double DroppedBytesPerSecond { get; init; }

    /// <summary>Rates between two looks at a port.</summary>
    /// <param name="vm">Its VM.</param>
    /// <param name="before">The earlier look; null, or one at a port that was taken out since, makes the counters begin at zero.</param>
    /// <param name="after">The later look.</param>
    /// <param name="time">What lies between them.</param>
    public static PortRates Between(string vm, PortInfo? before, PortInfo after, TimeSpan time)
    {
        ArgumentNullException.ThrowIfNull(after);
        ArgumentOutOfRangeException.ThrowIfLessThanOrEqual(time, TimeSpan.Zero);
        PortCountersInfo old = before?.PluggedSince == after.PluggedSince && before is not null ? before.Counters : new PortCountersInfo();
        PortCountersInfo now = after.Counters;
        return new()
        {
            Vm = vm,
            Port = after,
            FromGuestBytesPerSecond = (now.FromGuestBytes - old.FromGuestBytes) / time.TotalSeconds,
            ToGuestBytesPerSecond = (now.ToGuestBytes - old.ToGuestBytes) / time.TotalSeconds,
            MessagesPerSecond = (now.FromGuestMessages + now.ToGuestMessages - old.FromGuestMessages - old.ToGuestMessages) / time.TotalSeconds,
            DroppedBytesPerSecond = (now.DroppedBytes - old.DroppedBytes) / time.TotalSeconds,
        };
    }
}

/// <summary>The rates of all ports over one interval: what <c>vmchannel top --json</c> writes, one to a line.</summary>
/// <param name="Time">The interval's end, UTC.</param>
/// <param name="Seconds">Its length.</param>
/// <param name="Ports">By VM and number.</param>
public sealed record RatesReport(DateTimeOffset Time, double Seconds, IReadOnlyList<PortRates> Ports);
