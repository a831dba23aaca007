namespace VmChannel.Bench.Alone;

/// <summary>What a driver double has.</summary>
/// <param name="RingSize">Entries of each ring.</param>
/// <param name="MaxMessageBytes">Longest message it writes.</param>
/// <param name="MemoryBytes">The guest's memory; only what is touched is there.</param>
/// <param name="HasCalls">The device can call it: a descriptor for each ring.</param>
internal sealed record DriverShape(int RingSize, int MaxMessageBytes, ulong MemoryBytes, bool HasCalls)
{
    /// <summary>For one that moves much.</summary>
    public static DriverShape Large { get; } = new(256, 32 * 1024, 64 << 20, HasCalls: true);

    /// <summary>For one of a thousand.</summary>
    public static DriverShape Small { get; } = new(64, 4096, 8 << 20, HasCalls: true);

    /// <summary>The same for one that is idle, where descriptors are scarce: nobody calls it.</summary>
    public static DriverShape Uncalled { get; } = Small with { HasCalls = false };
}
