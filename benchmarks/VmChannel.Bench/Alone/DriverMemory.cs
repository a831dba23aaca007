using VmChannel.Native;

namespace VmChannel.Bench.Alone;

/// <summary>The memory of a guest that is not there: a shared file, mapped here and, through vhost-user, by the device.</summary>
internal sealed class DriverMemory : IDisposable
{
    /// <summary>Where the front-end claims to see it: any address serves, the device only subtracts it.</summary>
    public const ulong UserBase = 0x7000_0000_0000;

    private readonly MappedRegion _mapping;
    private ulong _reserved;

    public DriverMemory(ulong length)
    {
        Length = length;
        File = MappedRegion.CreateFile("guest", length);
        _ = MappedRegion.Map(File, length, out MappedRegion? mapping).OrThrow("map the guest's memory");
        _mapping = mapping!;
        Words = _mapping.Words();
    }

    /// <summary>Of no use once the device has it mapped.</summary>
    public FileDescriptor File { get; }

    public ulong Length { get; }

    public RingMemory Words { get; }

    /// <summary>Guest address of so many bytes nobody else uses, on a page of their own.</summary>
    public ulong Reserve(ulong bytes)
    {
        ulong start = _reserved;
        _reserved = (start + bytes + 4095) & ~4095UL;
        return _reserved <= Length ? start : throw new BenchException("the driver double's memory is too small");
    }

    public void Dispose()
    {
        _mapping.Dispose();
        File.Dispose();
    }
}
