using System.Runtime.InteropServices;

namespace VmChannel.Native;

/// <summary>Kernel events about devices (NETLINK_KOBJECT_UEVENT), the ones udev itself is fed by. Needs no privilege.</summary>
/// <remarks>Linux <c>lib/kobject_uevent.c</c>. Subscribe before looking at sysfs, or what appears in between is missed.</remarks>
public sealed unsafe partial class UeventSocket : IDisposable
{
    /// <summary>Bytes of the longest event (UEVENT_BUFFER_SIZE is 2048, plus the leading "action@path").</summary>
    public const int MaxEventBytes = 8192;

    private const int AddressFamilyNetlink = 16;
    private const int SocketRaw = 3;
    private const int SocketCloseOnExec = 0x80000;
    private const int SocketNonBlocking = 0x800;
    private const int KobjectUevent = 15;
    private const uint KernelGroup = 1;

    private UeventSocket(FileDescriptor descriptor) => Descriptor = descriptor;

    /// <summary>Readable when an event waits.</summary>
    public FileDescriptor Descriptor { get; }

    /// <summary>Subscribes to the events of the kernel (not to those udev sends on).</summary>
    public static PosixResult Open(out UeventSocket? socket)
    {
        socket = null;
        PosixResult created = PosixResult.From(Socket(AddressFamilyNetlink, SocketRaw | SocketCloseOnExec | SocketNonBlocking, KobjectUevent));
        if (!created.IsSuccess)
        {
            return created;
        }

        FileDescriptor descriptor = new((int)created.Value);
        NetlinkAddress address = new() { Family = AddressFamilyNetlink, Groups = KernelGroup };
        PosixResult bound = PosixResult.From(Bind(descriptor, &address, (uint)sizeof(NetlinkAddress)));
        if (!bound.IsSuccess)
        {
            descriptor.Dispose();
            return bound;
        }

        socket = new(descriptor);
        return bound;
    }

    /// <summary>Takes one event without blocking.</summary>
    /// <returns>Its bytes; 0 for a message that did not come from the kernel. Again: none waits. NoBufferSpace: some were lost, look at
    /// sysfs again.</returns>
    public PosixResult Receive(Span<byte> destination)
    {
        NetlinkAddress sender = default;
        uint senderBytes = (uint)sizeof(NetlinkAddress);
        fixed (byte* bytes = destination)
        {
            PosixResult result;
            do
            {
                result = PosixResult.From(ReceiveFrom(Descriptor, bytes, (nuint)destination.Length, 0, &sender, &senderBytes));
            }
            while (result.Error == Errno.Interrupted);

            // Port 0 is the kernel; a process may send to this group as well.
            return result.IsSuccess && sender.Port != 0 ? new(0, Errno.None) : result;
        }
    }

    public void Dispose() => Descriptor.Dispose();

    [LibraryImport("libc", EntryPoint = "socket", SetLastError = true)]
    private static partial int Socket(int family, int type, int protocol);

    [LibraryImport("libc", EntryPoint = "bind", SetLastError = true)]
    private static partial int Bind(FileDescriptor fd, NetlinkAddress* address, uint addressBytes);

    [LibraryImport("libc", EntryPoint = "recvfrom", SetLastError = true)]
    private static partial nint ReceiveFrom(
        FileDescriptor fd, byte* buffer, nuint count, int flags, NetlinkAddress* address, uint* addressBytes);

    // struct sockaddr_nl
    [StructLayout(LayoutKind.Sequential)]
    private struct NetlinkAddress
    {
        public ushort Family;
        public ushort Padding;
        public uint Port;
        public uint Groups;
    }
}
