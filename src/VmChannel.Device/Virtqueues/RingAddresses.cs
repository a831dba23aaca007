using VmChannel.Native;
using VmChannel.Wire.Virtio;

namespace VmChannel.Device.Virtqueues;

/// <summary>Where a split ring's parts lie, as addresses of the front-end, and how many entries it has.</summary>
internal readonly record struct RingAddresses(ulong Descriptors, ulong Available, ulong Used, int Size)
{
    /// <summary>Opens the ring. Null with a reason when a part lies outside guest memory or is misaligned.</summary>
    public SplitRing? Open(GuestMemory memory, VirtioFeatures features, out string? error)
    {
        error = null;
        if (!memory.TryUserWindow(Descriptors, SplitLayout.DescriptorBytes(Size), out RingMemory descriptors)
            || !memory.TryUserWindow(Available, SplitLayout.AvailableBytes(Size), out RingMemory available)
            || !memory.TryUserWindow(Used, SplitLayout.UsedBytes(Size), out RingMemory used))
        {
            error = "lies outside guest memory";
            return null;
        }

        if (!descriptors.IsAligned(SplitLayout.DescriptorAlignment)
            || !available.IsAligned(SplitLayout.AvailableAlignment)
            || !used.IsAligned(SplitLayout.UsedAlignment))
        {
            error = "is misaligned";
            return null;
        }

        return new SplitRing(descriptors, available, used, memory, Size, features);
    }
}
