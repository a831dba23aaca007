namespace VmChannel.Device.Tests.VirtioSerial;

/// <summary>What the loop may cost on the data path, at most: what it costs now. Lower a value when it has become less; raise none without need.</summary>
/// <remarks>One port of a virtio-serial device with a unix socket at the host end, its driver with EVENT_IDX. docs/performance.md says what each call is for.</remarks>
internal static class DataPathBudget
{
    /// <summary>Of a byte from the guest to the host and one back: system calls, epoll_wait included.</summary>
    public const int CallsPerRoundTrip = 5;

    /// <summary>Of these, epoll_wait: one wakes up for the guest's kick, one for the host's byte.</summary>
    public const int WaitsPerRoundTrip = 2;

    /// <summary>Of 128 KiB in four messages of the guest that are there at once: system calls.</summary>
    public const int CallsPerBatchFromGuest = 4;

    /// <summary>Of 128 KiB that are in the host's socket at once, into pages of the guest.</summary>
    public const int CallsPerBatchToGuest = 7;

    /// <summary>Managed memory for a thousand round trips. The measuring posts a few objects; one object per message would be 48,000 bytes.</summary>
    public const int AllocatedBytes = 4096;
}
