using System.Runtime.InteropServices;

namespace VmChannel.Native;

/// <summary>Size of a terminal in characters.</summary>
public readonly record struct TerminalSize(ushort Columns, ushort Rows);

/// <summary>Raw mode and size of a terminal. Disposing restores what was there before; twice does no harm.</summary>
public sealed unsafe class Terminal : IDisposable
{
    private const int TermiosBytes = 256;
    private const int SetNow = 0;
    private const nuint GetWindowSize = 0x5413;
    private const nuint SetWindowSize = 0x5414;

    // tcflag_t c_lflag is the fourth 32-bit word on Linux.
    private const int LocalFlagsWord = 3;
    private const uint SignalKeys = 1;

    private readonly FileDescriptor _fd;
    private readonly byte[] _saved;
    private int _restored;

    private Terminal(FileDescriptor fd, byte[] saved)
    {
        _fd = fd;
        _saved = saved;
    }

    public static bool Is(FileDescriptor fd) => Libc.IsTerminal(fd) == 1;

    /// <summary>Puts a terminal into raw mode.</summary>
    /// <param name="fd">The terminal; stays the caller's.</param>
    /// <param name="keepSignals">Ctrl-C and its kin still signal this process instead of becoming bytes.</param>
    /// <param name="terminal">Restores the old mode when disposed. Null when the call failed.</param>
    public static PosixResult MakeRaw(FileDescriptor fd, bool keepSignals, out Terminal? terminal)
    {
        terminal = null;
        byte[] saved = new byte[TermiosBytes];
        fixed (byte* old = saved)
        {
            PosixResult got = PosixResult.From(Libc.GetTerminalAttributes(fd, old));
            if (!got.IsSuccess)
            {
                return got;
            }

            byte* raw = stackalloc byte[TermiosBytes];
            new ReadOnlySpan<byte>(old, TermiosBytes).CopyTo(new Span<byte>(raw, TermiosBytes));
            Libc.MakeRaw(raw);
            if (keepSignals)
            {
                ((uint*)raw)[LocalFlagsWord] |= SignalKeys;
            }

            PosixResult set = PosixResult.From(Libc.SetTerminalAttributes(fd, SetNow, raw));
            terminal = set.IsSuccess ? new Terminal(fd, saved) : null;
            return set;
        }
    }

    public static bool TryGetSize(FileDescriptor fd, out TerminalSize size)
    {
        WindowSize window = default;
        bool known = Libc.Ioctl(fd, GetWindowSize, &window) == 0;
        size = new(window.Columns, window.Rows);
        return known;
    }

    public static PosixResult SetSize(FileDescriptor fd, TerminalSize size)
    {
        WindowSize window = new() { Columns = size.Columns, Rows = size.Rows };
        return PosixResult.From(Libc.Ioctl(fd, SetWindowSize, &window));
    }

    public void Dispose()
    {
        if (Interlocked.Exchange(ref _restored, 1) == 0)
        {
            fixed (byte* old = _saved)
            {
                _ = Libc.SetTerminalAttributes(_fd, SetNow, old);
            }
        }
    }

    [StructLayout(LayoutKind.Sequential)]
    private struct WindowSize
    {
        public ushort Rows;
        public ushort Columns;
        public ushort PixelsX;
        public ushort PixelsY;
    }
}
