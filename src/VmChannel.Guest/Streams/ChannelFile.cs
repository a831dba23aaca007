using VmChannel.Native;

namespace VmChannel.Guest;

/// <summary>The open file of a channel: what the transports do differently.</summary>
/// <remarks>Read and write come from any thread, one of each at a time; looks from any thread, one at a time; the rest from the poller's.</remarks>
/// <param name="channel">What it belongs to, for messages.</param>
internal abstract class ChannelFile(ChannelInfo channel) : IDisposable
{
    /// <summary>Nothing is due.</summary>
    public const long Never = long.MaxValue;

    /// <summary>Non-blocking; null while there is none.</summary>
    public abstract FileDescriptor? Descriptor { get; }

    /// <summary>Reads what is there.</summary>
    public abstract IoOutcome Read(Span<byte> destination, out int count);

    /// <summary>Writes as much as there is room for.</summary>
    public abstract IoOutcome Write(ReadOnlySpan<byte> source, out int count);

    /// <summary>Asks the kernel how things stand now. Events are told late and in a batch, so that only this counts.</summary>
    public abstract HostSight Look();

    /// <summary>A look is worth its cost.</summary>
    /// <param name="events">What the kernel has just told.</param>
    /// <param name="isOpen">The host's end was open at the last look.</param>
    public abstract bool IsNews(EpollEvents events, bool isOpen);

    /// <summary>When to look without an event.</summary>
    /// <param name="now">Milliseconds of <see cref="Environment.TickCount64"/>.</param>
    /// <param name="writerWaits">A writer waits.</param>
    /// <returns>On the same clock, or <see cref="Never"/>.</returns>
    public abstract long NextLook(long now, bool writerWaits);

    /// <summary>Gives every descriptor, now and later, to who reports its readiness.</summary>
    /// <returns>Whether the first could be.</returns>
    public virtual PosixResult WatchWith(Func<FileDescriptor, PosixResult> watch) => watch(Descriptor!);

    public abstract void Dispose();

    private protected ChannelException Failure(string verb, PosixResult result) =>
        new(channel.Name, $"{channel.Name} ({channel.DevicePath}): cannot {verb}: {result.Message}");
}
