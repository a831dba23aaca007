namespace VmChannel.Device.VirtioSerial;

/// <summary>What a virtio-serial device is made with.</summary>
/// <param name="MaxPorts">Ports it has room for, the console's port 0 included: numbers 0 to this minus 1.</param>
/// <param name="ResizeColumnsFirst">
/// Order of the two fields of RESIZE: VIRTIO 1.3 §5.3.6.2 and new Linux have columns first; Linux before 6.15, and its
/// stable branches before January 2026, read rows first.
/// </param>
/// <param name="WakeNudges">Wake writers that Linux forgets (see <see cref="SerialPort"/>).</param>
public sealed record VirtioSerialSettings(int MaxPorts, bool ResizeColumnsFirst = true, bool WakeNudges = true)
{
    /// <summary>What every known front-end carries: UML has 64 queues.</summary>
    public const int DefaultMaxPorts = 31;

    /// <summary>How long bytes of a port wait without moving before the port counts as stalled.</summary>
    public TimeSpan StallAfter { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>There is a place where a front-end can be met; otherwise the device is nobody's.</summary>
    public bool IsOffered { get; init; } = true;

    /// <summary>vhost-user names a ring with 8 bits: 256 queues.</summary>
    public const int MaxMaxPorts = 127;
}
