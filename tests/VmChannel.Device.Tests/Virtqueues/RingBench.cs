using VmChannel.Device.Virtqueues;
using VmChannel.Native;
using VmChannel.Testing;
using VmChannel.Wire.VhostUser;
using VmChannel.Wire.Virtio;

namespace VmChannel.Device.Tests.Virtqueues;

/// <summary>Both sides of one ring, on one thread: the driver double and the device's queue.</summary>
internal sealed class RingBench : IDisposable
{
    private readonly FileDescriptor _error = EventFd.Create();

    public RingBench(
        VirtioFeatures features, int size = 8, bool deviceWrites = false, ushort start = 0, int tableEntries = 8, int regions = 2)
    {
        Ram = new GuestRam(4 << 20);
        Driver = new DriverRing(Ram, size, features, tableEntries);
        Driver.Reset(start);
        DataAt = Ram.Allocate(1 << 20, 4096);
        foreach (MemoryRegion region in Ram.Regions(regions))
        {
            GuestRegion mapped = new(region.GuestAddress, region.Length, region.UserAddress, region.FileOffset);
            if (!Memory.TryAdd(mapped, Ram.File, out string? error))
            {
                throw new InvalidOperationException(error);
            }
        }

        VringAddress at = Driver.Address(0);
        SplitRing? ring = new RingAddresses(at.Descriptors, at.Available, at.Used, size).Open(Memory, features, out string? reason);
        Queue = new Virtqueue(5, deviceWrites, ring ?? throw new InvalidOperationException(reason), Call, _error);
        Queue.Broken = _ => BrokenCalls++;
    }

    public GuestRam Ram { get; }

    public GuestMemory Memory { get; } = new();

    public DriverRing Driver { get; }

    public Virtqueue Queue { get; }

    public ChainBatch Batch { get; } = new();

    public FileDescriptor Call { get; } = EventFd.Create();

    public int DataAt { get; }

    public int BrokenCalls { get; private set; }

    /// <summary>A buffer of the driver.</summary>
    public SplitDescriptor Buffer(int at, uint length, bool deviceWrites = false)
        => new(Ram.GuestAddress(DataAt + at), length, deviceWrites ? DescriptorFlags.Write : DescriptorFlags.None, 0);

    public bool TakeCall() => Call.Read(stackalloc byte[8]).IsSuccess;

    public bool TakeError() => _error.Read(stackalloc byte[8]).IsSuccess;

    public void Dispose()
    {
        Memory.Dispose();
        Ram.Dispose();
        Call.Dispose();
        _error.Dispose();
    }
}
