using VmChannel.Cli.Serve;
using VmChannel.Device.Ports;

namespace VmChannel.Cli.Run;

/// <summary>Which monitor runs the guest.</summary>
internal enum Vmm
{
    /// <summary>User Mode Linux: boots in half a second, needs no emulation.</summary>
    Uml,

    /// <summary>QEMU without KVM, with a stock kernel.</summary>
    Qemu,
}

/// <summary>What <c>vmchannel run</c> was asked for.</summary>
/// <param name="Vmm">The monitor.</param>
/// <param name="MemoryMiB">Guest memory.</param>
/// <param name="Kernel">A kernel of the user's; null for the fetched one.</param>
/// <param name="Shares">Folders the guest may write to.</param>
/// <param name="Keep">Leave the run's folder, with the guest's kernel messages, for a look.</param>
/// <param name="Command">Program and arguments; empty for a shell.</param>
internal sealed record RunOptions(
    Vmm Vmm, int MemoryMiB, string? Kernel, IReadOnlyList<SharedFolder> Shares, bool Keep, IReadOnlyList<string> Command)
{
    public const int DefaultMemoryMiB = 512;

    /// <summary>What carries the channels, the run's own among them.</summary>
    public PortTransport Transport { get; init; }

    /// <summary>How the device's loop works.</summary>
    public LoopPlan Loops { get; init; } = LoopPlan.Default;

    public const int MinMemoryMiB = 64;

    public const int MaxMemoryMiB = 64 * 1024;
}
