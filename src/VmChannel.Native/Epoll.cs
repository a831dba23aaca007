using System.Runtime.InteropServices;

namespace VmChannel.Native;

/// <summary>Readiness of a descriptor. Values of <c>sys/epoll.h</c>.</summary>
[Flags]
public enum EpollEvents : uint
{
    None = 0,
    In = 0x1,
    Out = 0x4,
    Error = 0x8,
    HangUp = 0x10,
    ReadHangUp = 0x2000,
    EdgeTriggered = 0x80000000,
}

/// <summary>One readiness report; <see cref="Key"/> is what <see cref="Epoll.Add"/> was given.</summary>
public readonly record struct EpollEvent(EpollEvents Events, ulong Key);

/// <summary>An epoll instance: one thread waits, any thread may add and remove.</summary>
public sealed unsafe class Epoll : IDisposable
{
    private const int CloseOnExec = 0x80000;
    private const int ControlAdd = 1;
    private const int ControlDelete = 2;
    private const int ControlModify = 3;

    // struct epoll_event is packed on x86-64 (12 bytes) and naturally aligned elsewhere (16).
    private static readonly bool Packed = RuntimeInformation.ProcessArchitecture == Architecture.X64;
    private static readonly int EventBytes = Packed ? 12 : 16;
    private static readonly int KeyOffset = Packed ? 4 : 8;

    private readonly FileDescriptor _fd;
    private readonly byte[] _buffer;

    public Epoll(int capacity)
    {
        _fd = new FileDescriptor(PosixResult.From(Libc.EpollCreate(CloseOnExec)).OrThrow("epoll_create1"));
        _buffer = GC.AllocateArray<byte>(capacity * EventBytes, pinned: true);
    }

    public PosixResult Add(FileDescriptor fd, EpollEvents events, ulong key) => Control(ControlAdd, fd, events, key);

    public PosixResult Modify(FileDescriptor fd, EpollEvents events, ulong key) => Control(ControlModify, fd, events, key);

    public PosixResult Remove(FileDescriptor fd) => Control(ControlDelete, fd, EpollEvents.None, 0);

    /// <summary>Waits for readiness. Zero events after a timeout or a signal.</summary>
    /// <param name="events">Receives the reports; its length bounds how many.</param>
    /// <param name="timeoutMs">Milliseconds; -1 waits for ever, 0 only looks.</param>
    public int Wait(Span<EpollEvent> events, int timeoutMs)
    {
        fixed (byte* buffer = _buffer)
        {
            int capacity = Math.Min(events.Length, _buffer.Length / EventBytes);
            PosixResult result = PosixResult.From(Libc.EpollWait(_fd, buffer, capacity, timeoutMs));
            if (result.Error == Errno.Interrupted)
            {
                return 0;
            }

            int count = result.OrThrow("epoll_wait");
            for (int i = 0; i < count; i++)
            {
                // SAFETY: the kernel filled count events of EventBytes each, and count is at most the capacity passed.
                byte* @event = buffer + (i * EventBytes);
                events[i] = new((EpollEvents)(*(uint*)@event), *(ulong*)(@event + KeyOffset));
            }

            return count;
        }
    }

    public void Dispose() => _fd.Dispose();

    private PosixResult Control(int operation, FileDescriptor fd, EpollEvents events, ulong key)
    {
        byte* @event = stackalloc byte[16];
        *(uint*)@event = (uint)events;
        *(ulong*)(@event + KeyOffset) = key;
        return PosixResult.From(Libc.EpollControl(_fd, operation, fd, @event));
    }
}
