using VmChannel.Native;
using VmChannel.Wire.VhostUser;

namespace VmChannel.Device.VhostUser;

/// <summary>The memory messages of a front-end: which regions the guest has, and the files they are in. Loop thread only.</summary>
internal sealed class MemorySetup : IDisposable
{
    public GuestMemory Memory { get; } = new();

    /// <summary>Why memory was refused last; null when none was, or some came since.</summary>
    public string? Refusal { get; private set; }

    /// <summary>SET_MEM_TABLE: these regions instead of all others. Nothing may run in the old ones any more.</summary>
    /// <param name="payload">The message.</param>
    /// <param name="descriptors">Came with it, one per region.</param>
    /// <param name="isWellFormed">Told before the old regions go: the message can be followed.</param>
    /// <returns>What is wrong; null when it was done.</returns>
    public string? Replace(ReadOnlySpan<byte> payload, VhostUserConnection descriptors, Action isWellFormed)
    {
        if (!MemoryTable.TryReadCount(payload, out int count))
        {
            return Refuse("malformed memory table");
        }

        if (descriptors.DescriptorCount != count)
        {
            return Refuse($"{count} memory regions with {descriptors.DescriptorCount} descriptors");
        }

        isWellFormed();
        Memory.Dispose();
        for (int i = 0; i < count; i++)
        {
            _ = MemoryRegion.TryRead(payload[(MemoryTable.HeadBytes + (i * MemoryRegion.Size))..], out MemoryRegion region);
            if (Map(region, descriptors) is string error)
            {
                Memory.Dispose();
                return Refuse(error);
            }
        }

        Refusal = null;
        return null;
    }

    /// <summary>ADD_MEM_REG.</summary>
    /// <returns>What is wrong; null when it was done.</returns>
    public string? Add(ReadOnlySpan<byte> payload, VhostUserConnection descriptors)
    {
        if (!TryReadSingle(payload, out MemoryRegion region) || descriptors.DescriptorCount != 1)
        {
            return Refuse("malformed memory region, or not exactly one descriptor with it");
        }

        return Refuse(Map(region, descriptors));
    }

    /// <summary>REM_MEM_REG: which region. Nothing may run in it any more when <see cref="Remove"/> is called.</summary>
    public static bool TryReadSingle(ReadOnlySpan<byte> payload, out MemoryRegion region)
    {
        region = default;
        return payload.Length >= MemoryRegion.SinglePadding && MemoryRegion.TryRead(payload[MemoryRegion.SinglePadding..], out region);
    }

    /// <summary>Unmaps a region; false when there is none like it.</summary>
    public bool Remove(in MemoryRegion region) => Memory.Remove(region.GuestAddress, region.UserAddress, region.Length);

    public void Dispose() => Memory.Dispose();

    private string? Refuse(string? error) => Refusal = error;

    private string? Map(in MemoryRegion region, VhostUserConnection descriptors)
    {
        using FileDescriptor? file = descriptors.TakeDescriptor();
        GuestRegion guest = new(region.GuestAddress, region.Length, region.UserAddress, region.FileOffset);
        return file is null ? "a memory region without its descriptor" : Memory.TryAdd(guest, file, out string? error) ? null : error;
    }
}
