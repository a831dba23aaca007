using Microsoft.Extensions.Logging;
using VmChannel.Device.Loop;
using VmChannel.Native;

namespace VmChannel.Cli.Serve;

/// <summary>The loops of a server: one for each VM up to a number, then shared. Thread-safe.</summary>
/// <param name="plan">How many, and how they work.</param>
/// <param name="log">For their defects.</param>
internal sealed class LoopPool(LoopPlan plan, ILoggerFactory log)
{
    /// <summary>A guest waits for its loop's thread, so that is let in as soon as it wakes, whatever else the machine is busy with.</summary>
    private static readonly TimeSpan Slice = TimeSpan.FromMilliseconds(0.5);

    private readonly Lock _lock = new();
    private readonly List<Lease> _loops = [];

    public int Count
    {
        get
        {
            lock (_lock)
            {
                return _loops.Count;
            }
        }
    }

    /// <summary>How often its loops have woken up.</summary>
    public long Wakeups
    {
        get
        {
            lock (_lock)
            {
                return _loops.Sum(lease => lease.Loop.Wakeups);
            }
        }
    }

    /// <summary>A new loop, or the one with the fewest VMs when there are as many as may be.</summary>
    public DeviceLoop Take()
    {
        lock (_lock)
        {
            Lease? lease = _loops.Count < plan.Most ? null : _loops.MinBy(lease => lease.Users);
            if (lease is null)
            {
                lease = new Lease(new DeviceLoop(log.CreateLogger<DeviceLoop>(), plan.Poll));
                _loops.Add(lease);
            }

            lease.Users++;
            return lease.Loop;
        }
    }

    /// <summary>A VM is gone from its loop; the last one ends the loop. Not on the loop's thread.</summary>
    public void Return(DeviceLoop loop)
    {
        Lease lease;
        lock (_lock)
        {
            lease = _loops.Find(lease => lease.Loop == loop) ?? throw new ArgumentException("not of this pool", nameof(loop));
            if (--lease.Users > 0)
            {
                return;
            }

            _ = _loops.Remove(lease);
        }

        lease.Stop();
    }

    private sealed class Lease
    {
        private readonly Thread _thread;

        public Lease(DeviceLoop loop)
        {
            Loop = loop;
            _thread = new Thread(Run) { Name = "device loop", IsBackground = true };
            _thread.Start();
        }

        public DeviceLoop Loop { get; }

        public int Users { get; set; }

        public void Stop()
        {
            Loop.Stop();
            _thread.Join();
            Loop.Dispose();
        }

        private void Run()
        {
            _ = SchedulingSlice.Set(Slice);
            Loop.Run();
        }
    }
}
