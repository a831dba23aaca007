using System.Runtime.InteropServices;
using System.Text;

namespace VmChannel.Native;

/// <summary>Calls about the whole machine; for the first process of a guest.</summary>
public static unsafe partial class Machine
{
    // uapi/linux/reboot.h: LINUX_REBOOT_CMD_POWER_OFF
    private const int PowerOffCommand = 0x4321FEDC;

    private const int AddressFamilyInternet = 2;
    private const int SocketDatagram = 2;
    private const int SocketCloseOnExec = 0x80000;
    private const nuint GetInterfaceFlags = 0x8913;
    private const nuint SetInterfaceFlags = 0x8914;
    private const short InterfaceUp = 1;
    private const int InterfaceNameBytes = 16;

    /// <summary>Switches the machine off at once (reboot(2)). Does not return when it works. Sync first.</summary>
    public static PosixResult PowerOff() => PosixResult.From(Reboot(PowerOffCommand));

    /// <summary>Names the machine (sethostname(2)).</summary>
    public static PosixResult SetHostName(string name)
    {
        byte[] bytes = Encoding.UTF8.GetBytes(name);
        fixed (byte* first = bytes)
        {
            return PosixResult.From(SetName(first, (nuint)bytes.Length));
        }
    }

    /// <summary>Brings the loopback interface up; the kernel gives it 127.0.0.1 and ::1 by itself.</summary>
    public static PosixResult SetLoopbackUp()
    {
        PosixResult created = PosixResult.From(Socket(AddressFamilyInternet, SocketDatagram | SocketCloseOnExec, 0));
        if (!created.IsSuccess)
        {
            return created;
        }

        using FileDescriptor socket = new((int)created.Value);
        InterfaceRequest request = default;
        "lo"u8.CopyTo(new Span<byte>(request.Name, InterfaceNameBytes));
        PosixResult got = PosixResult.From(Control(socket, GetInterfaceFlags, &request));
        if (!got.IsSuccess)
        {
            return got;
        }

        request.Flags |= InterfaceUp;
        return PosixResult.From(Control(socket, SetInterfaceFlags, &request));
    }

    [LibraryImport("libc", EntryPoint = "reboot", SetLastError = true)]
    private static partial int Reboot(int command);

    [LibraryImport("libc", EntryPoint = "sethostname", SetLastError = true)]
    private static partial int SetName(byte* name, nuint length);

    [LibraryImport("libc", EntryPoint = "socket", SetLastError = true)]
    private static partial int Socket(int family, int type, int protocol);

    [LibraryImport("libc", EntryPoint = "ioctl", SetLastError = true)]
    private static partial int Control(FileDescriptor fd, nuint request, void* argument);

    // struct ifreq: 16 bytes of name and a union of 24 bytes, of which the flags are the first two.
    [StructLayout(LayoutKind.Sequential, Size = 40)]
    private struct InterfaceRequest
    {
        public fixed byte Name[InterfaceNameBytes];
        public short Flags;
    }
}
