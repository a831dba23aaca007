using System.Runtime.InteropServices;

namespace VmChannel.Native;

/// <summary>What a terminal's own side sets up: line settings for a new user, and output that must be out before the power goes.</summary>
public static unsafe partial class TerminalLine
{
    private const int TermiosBytes = 256;
    private const int SetNow = 0;
    private const uint Utf8Input = 0x4000;

    /// <summary>Lets line editing erase whole UTF-8 characters (IUTF8); the kernel's other defaults are what users expect.</summary>
    public static PosixResult SetUtf8(FileDescriptor terminal)
    {
        // Larger than struct termios; c_iflag is its first 32-bit word.
        byte* settings = stackalloc byte[TermiosBytes];
        PosixResult got = PosixResult.From(Libc.GetTerminalAttributes(terminal, settings));
        if (!got.IsSuccess)
        {
            return got;
        }

        // SAFETY: struct termios begins with c_iflag, 32 bits.
        *(uint*)settings |= Utf8Input;
        return PosixResult.From(Libc.SetTerminalAttributes(terminal, SetNow, settings));
    }

    /// <summary>Waits until the driver has sent what was written (tcdrain(3)).</summary>
    public static PosixResult Drain(FileDescriptor terminal) => PosixResult.From(DrainOutput(terminal));

    [LibraryImport("libc", EntryPoint = "tcdrain", SetLastError = true)]
    private static partial int DrainOutput(FileDescriptor fd);
}
