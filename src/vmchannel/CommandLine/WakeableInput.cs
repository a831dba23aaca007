using VmChannel.Native;

namespace VmChannel.Cli.CommandLine;

/// <summary>Standard input, whose reader can be woken: a read(2) that waits for a key could not.</summary>
internal sealed class WakeableInput : IDisposable
{
    private static readonly FileDescriptor Input = FileDescriptor.Borrow(0);

    private readonly FileDescriptor _wake = EventFd.Create();

    /// <summary>Ends a wait, or the next one.</summary>
    public void Wake() => _ = EventFd.Signal(_wake);

    /// <summary>Waits for input, without a thread of the caller's.</summary>
    /// <param name="destination">Not empty.</param>
    /// <param name="timeout">How long; <see cref="Timeout.InfiniteTimeSpan"/> = for ever.</param>
    /// <returns>Bytes read; 0 = the end; -1 = nothing came in time, or somebody woke it.</returns>
    public Task<int> ReadAsync(Memory<byte> destination, TimeSpan timeout) => Task.Run(() => Read(destination.Span, timeout));

    public void Dispose() => _wake.Dispose();

    private int Read(Span<byte> destination, TimeSpan timeout)
    {
        Span<PollEntry> entries = [new(_wake.Number, PollEvents.In), new(Input.Number, PollEvents.In)];
        _ = Poll.Wait(entries, timeout);
        if (entries[0].Ready != PollEvents.None)
        {
            EventFd.Clear(_wake);
            return -1;
        }

        if (entries[1].Ready == PollEvents.None)
        {
            return -1;
        }

        PosixResult result = Input.Read(destination);
        return result.IsSuccess ? (int)result.Value : result.IsAgain ? -1 : 0;
    }
}
