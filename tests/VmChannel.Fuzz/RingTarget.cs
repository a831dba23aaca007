using VmChannel.Device.Virtqueues;
using VmChannel.Native;
using VmChannel.Testing;
using VmChannel.Wire.VhostUser;
using VmChannel.Wire.Virtio;

namespace VmChannel.Fuzz;

/// <summary>A ring of eight entries whose three parts and memory are the input, walked until it breaks or is empty.</summary>
/// <remarks>
/// Byte 0: bit 0 INDIRECT_DESC, bit 1 EVENT_IDX, bit 2 the device writes. The rest is an image of guest memory from
/// address 0, where the table, the available ring at 128 and the used ring at 160 come first.
/// </remarks>
public static class RingTarget
{
    private const int MemoryBytes = 64 * 1024;
    private const int Entries = 8;
    private const ulong AvailableAt = 128;
    private const ulong UsedAt = 160;

    public static void Run(ReadOnlySpan<byte> input)
    {
        if (input.Length is 0 or > MemoryBytes)
        {
            return;
        }

        using GuestRam ram = new(MemoryBytes, guestBase: 0, userBase: 0);
        ram.Words.Write(0, input[1..]);
        using GuestMemory memory = new();
        foreach (MemoryRegion region in ram.Regions(2))
        {
            _ = memory.TryAdd(new(region.GuestAddress, region.Length, region.UserAddress, region.FileOffset), ram.File, out _);
        }

        VirtioFeatures features = ((input[0] & 1) != 0 ? VirtioFeatures.IndirectDescriptors : 0)
            | ((input[0] & 2) != 0 ? VirtioFeatures.EventIndex : 0);
        bool deviceWrites = (input[0] & 4) != 0;
        SplitRing ring = new RingAddresses(0, AvailableAt, UsedAt, Entries).Open(memory, features, out string? error)
            ?? throw new InvalidOperationException(error);
        Virtqueue queue = new(0, deviceWrites, ring, null, null);
        ChainBatch batch = new();
        byte[] copy = new byte[4096];
        for (int turns = 0; turns < 64; turns++)
        {
            int chains = queue.Gather(batch, maxBytes: 4096, ChainBatch.MaxChains);
            if (chains == 0)
            {
                _ = queue.WaitForDriver(known: 0);
                break;
            }

            // Whatever the descriptors say, each piece can be read and written: this would fault otherwise.
            int moved = deviceWrites ? IoVector.CopyIn(copy, batch.Pieces) : IoVector.CopyOut(batch.Pieces, copy);
            if (moved > batch.Length)
            {
                throw new InvalidOperationException("the pieces are more than their sum");
            }

            queue.Complete(batch, chains, deviceWrites ? moved : 0);
        }
    }
}
