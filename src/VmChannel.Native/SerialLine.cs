using System.Runtime.InteropServices;

namespace VmChannel.Native;

/// <summary>Modem lines of a serial port (TIOCM_*).</summary>
[Flags]
public enum ModemLines
{
    None = 0,
    DataTerminalReady = 0x2,
    RequestToSend = 0x4,
    ClearToSend = 0x20,
    CarrierDetect = 0x40,
    DataSetReady = 0x100,
}

/// <summary>A serial port that carries bytes and nothing else.</summary>
/// <remarks>Linux <c>asm-generic/termbits.h</c> and <c>ioctls.h</c>, the same on x86-64 and arm64.</remarks>
public static unsafe partial class SerialLine
{
    // struct termios2: c_iflag, c_oflag, c_cflag, c_lflag, then the line discipline and c_cc, then both speeds; 32 bits each.
    private const int Words = 11;
    private const int InputFlags = 0;
    private const int ControlFlags = 2;
    private const int CharactersAndLine = 4;
    private const int InputSpeed = 9;
    private const int OutputSpeed = 10;

    // No byte for a break: none was sent.
    private const uint IgnoreBreak = 0x1;
    private const uint EightBits = 0x30;
    private const uint Receive = 0x80;
    private const uint HangUpOnClose = 0x400;
    private const uint IgnoreCarrier = 0x800;
    private const uint NumericSpeed = 0x1000;

    // As fast as such adapters go; what matters is that it is not 0, which would drop DTR.
    private const uint BitsPerSecond = 3_000_000;

    private const nuint SetTermios2 = 0x402C542B;
    private const nuint SetExclusive = 0x540C;
    private const nuint ClearExclusive = 0x540D;
    private const nuint IsExclusiveMode = 0x80045440;
    private const nuint GetModem = 0x5415;
    private const nuint SetModemBits = 0x5416;
    private const nuint GetCounters = 0x545D;
    private const int LockExclusiveNonBlocking = 2 | 4;

    /// <summary>Raw bytes; DTR falls when the last user closes; a carrier that is lost hangs nothing up and loses nothing.</summary>
    /// <remarks>Not through the C library, whose speeds have two meanings (glibc 2.42).</remarks>
    public static PosixResult SetUp(FileDescriptor port)
    {
        Span<uint> settings = stackalloc uint[Words];
        settings.Clear();
        settings[InputFlags] = IgnoreBreak;
        settings[ControlFlags] = EightBits | Receive | HangUpOnClose | IgnoreCarrier | NumericSpeed;
        settings[InputSpeed] = BitsPerSecond;
        settings[OutputSpeed] = BitsPerSecond;

        // c_line, then c_cc: VTIME is the sixth, VMIN the seventh. A read gives what is there, and at least one byte.
        MemoryMarshal.AsBytes(settings[CharactersAndLine..])[1 + 6] = 1;
        fixed (uint* words = settings)
        {
            return PosixResult.From(Libc.Ioctl(port, SetTermios2, words));
        }
    }

    /// <summary>Takes the port for this descriptor alone. <see cref="Errno.Busy"/>: somebody else has.</summary>
    /// <remarks>TIOCEXCL keeps out everybody but root; an flock(2) keeps out those who ask for it, root too.</remarks>
    public static PosixResult Claim(FileDescriptor port)
    {
        PosixResult locked = PosixResult.From(Libc.Lock(port, LockExclusiveNonBlocking));
        if (!locked.IsSuccess)
        {
            return locked.IsAgain ? new(-1, Errno.Busy) : locked;
        }

        int isExclusive = 0;
        if (Libc.Ioctl(port, IsExclusiveMode, &isExclusive) == 0 && isExclusive != 0)
        {
            return new(-1, Errno.Busy);
        }

        return PosixResult.From(Libc.Ioctl(port, SetExclusive, null));
    }

    /// <summary>Lets others open it; a terminal may live longer than its last user.</summary>
    public static void Release(FileDescriptor port) => _ = Libc.Ioctl(port, ClearExclusive, null);

    /// <summary>Turns lines on, and leaves the others.</summary>
    public static PosixResult TurnOn(FileDescriptor port, ModemLines lines)
    {
        int bits = (int)lines;
        return PosixResult.From(Libc.Ioctl(port, SetModemBits, &bits));
    }

    /// <summary>The lines as they are; may ask the device, and take its time.</summary>
    public static PosixResult GetLines(FileDescriptor port, out ModemLines lines)
    {
        int bits = 0;
        PosixResult result = PosixResult.From(Libc.Ioctl(port, GetModem, &bits));
        lines = (ModemLines)bits;
        return result;
    }

    /// <summary>How often the driver has seen the carrier change; asks nobody but the kernel.</summary>
    public static PosixResult CountCarrierChanges(FileDescriptor port, out int changes)
    {
        // struct serial_icounter_struct: cts, dsr, rng, dcd and sixteen more.
        // SAFETY: the kernel fills 20 words of 32 bits.
        int* counters = stackalloc int[32];
        PosixResult result = PosixResult.From(Libc.Ioctl(port, GetCounters, counters));
        changes = result.IsSuccess ? counters[3] : 0;
        return result;
    }
}
