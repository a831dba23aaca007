namespace VmChannel.Native;

/// <summary>eventfd(2): a counter that makes a descriptor readable. The other side may be any descriptor a front-end sent.</summary>
public static class EventFd
{
    private const int CloseOnExec = 0x80000;
    private const int NonBlocking = 0x800;

    public static FileDescriptor Create()
        => new(PosixResult.From(Libc.EventFd(0, CloseOnExec | NonBlocking)).OrThrow("eventfd"));

    /// <summary>Adds one. A full counter (or UML's socket) means that the other side has not looked yet: nothing is lost.</summary>
    public static PosixResult Signal(FileDescriptor fd)
    {
        ReadOnlySpan<byte> one = BitConverter.IsLittleEndian ? [1, 0, 0, 0, 0, 0, 0, 0] : [0, 0, 0, 0, 0, 0, 0, 1];
        PosixResult result = fd.Write(one);
        return result.IsAgain ? default : result;
    }

    /// <summary>Takes the count, so that the next signal makes the descriptor readable again.</summary>
    public static void Clear(FileDescriptor fd)
    {
        Span<byte> count = stackalloc byte[8];
        _ = fd.Read(count);
    }
}
