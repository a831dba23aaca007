using VmChannel.Cli.Serve;
using VmChannel.Device.Events;
using VmChannel.Testing;
using Xunit;

namespace VmChannel.Cli.Tests.Serve;

/// <summary>Counts what the whole process allocates; others that allocate meanwhile only make it more.</summary>
public sealed class HeapTrimTests
{
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(5);

    private readonly EventJournal _journal = new();

    [Fact]
    public async Task MuchThatHappened_ThenNothing_GivesMemoryBack()
    {
        await using HeapTrim trim = new(_journal, static () => 1, Pause);
        Happen();
        Wait.Until(() => trim.Count > 0, "memory to be given back");
    }

    [Fact]
    public async Task LoopsThatWork_AreNotStopped()
    {
        int looks = 0;
        await using HeapTrim trim = new(_journal, () => Interlocked.Increment(ref looks), Pause);
        Happen();
        Wait.Until(() => Volatile.Read(ref looks) >= 6, "several looks at the loops");
        Assert.Equal(0, trim.Count);
    }

    private void Happen()
    {
        for (long bytes = 0; bytes < 64 << 20; bytes += 1 << 16)
        {
            GC.KeepAlive(new byte[1 << 16]);
        }

        _journal.Append("vm", null, null, DeviceEventKind.DriverReady);
    }
}
