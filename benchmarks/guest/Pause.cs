using VmChannel.Native;

namespace VmChannel.Bench.Guest;

/// <summary>Waits where the kernel gives nothing to wait for.</summary>
internal static class Pause
{
    public static void Milliseconds(int count) => _ = Poll.Wait([], TimeSpan.FromMilliseconds(count));
}
