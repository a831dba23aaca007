using Microsoft.Extensions.Logging.Abstractions;
using VmChannel.Device.Loop;

namespace VmChannel.Bench.Alone;

/// <summary>What a loop's thread has used up so far.</summary>
/// <param name="AllocatedBytes">Managed memory.</param>
/// <param name="CpuNanoseconds">As the kernel's scheduler counts it.</param>
/// <param name="Transfers">System calls that read or write, as the kernel counts them: rings, sockets, eventfds.</param>
/// <param name="Waits">Calls of epoll_wait.</param>
internal readonly record struct LoopUse(long AllocatedBytes, long CpuNanoseconds, long Transfers, long Waits)
{
    public static LoopUse operator -(LoopUse later, LoopUse earlier) => new(
        later.AllocatedBytes - earlier.AllocatedBytes,
        later.CpuNanoseconds - earlier.CpuNanoseconds,
        later.Transfers - earlier.Transfers,
        later.Waits - earlier.Waits);
}

/// <summary>A device loop on a thread of its own, watched from outside.</summary>
internal sealed class LoopThread : IDisposable
{
    private readonly Thread _thread;
    private readonly Action _look;
    private readonly AutoResetEvent _looked = new(initialState: false);
    private string _folder = "";
    private long _allocated;
    private long _waits;

    public LoopThread()
    {
        _look = Look;
        _thread = new Thread(Run) { IsBackground = true, Name = "device loop" };
    }

    public DeviceLoop Loop { get; } = new(NullLogger<DeviceLoop>.Instance);

    public void Start()
    {
        _thread.Start();
        _ = Use();
    }

    /// <summary>Asks while the loop is idle: a thread that runs has not been billed for its last slice.</summary>
    public LoopUse Use()
    {
        Loop.Post(_look);
        _ = _looked.WaitOne();
        _ = VmChannel.Native.Poll.Wait([], TimeSpan.FromMilliseconds(2)); // until it sleeps again
        return new(_allocated, ThreadAccounts.CpuNanoseconds(_folder), ThreadAccounts.Transfers(_folder), _waits);
    }

    /// <summary>Ends the loop; what it served can be disposed from here on.</summary>
    public void Stop()
    {
        Loop.Stop();
        _thread.Join();
    }

    public void Dispose()
    {
        Loop.Dispose();
        _looked.Dispose();
    }

    private void Run()
    {
        _folder = ThreadAccounts.OfThisThread();
        Loop.Run();
    }

    private void Look()
    {
        _allocated = GC.GetAllocatedBytesForCurrentThread();
        _waits = Loop.Wakeups;
        _ = _looked.Set();
    }
}
