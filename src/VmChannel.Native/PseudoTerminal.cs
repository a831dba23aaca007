using System.Text;

namespace VmChannel.Native;

/// <summary>The master of a new pseudo-terminal, and what tells when its slave is opened and closed.</summary>
public sealed unsafe class PseudoTerminal : IDisposable
{
    private const uint WatchOpenAndClose = 0x20 | 0x8 | 0x10;
    private const int InotifyNonBlocking = 0x800 | 0x80000;

    private PseudoTerminal(FileDescriptor master, FileDescriptor changes, string slavePath)
    {
        Master = master;
        Changes = changes;
        SlavePath = slavePath;
    }

    /// <summary>Non-blocking.</summary>
    public FileDescriptor Master { get; }

    /// <summary>Readable after the slave was opened or closed; an inotify descriptor. The master alone never tells of an open.</summary>
    public FileDescriptor Changes { get; }

    /// <summary>Such as /dev/pts/3.</summary>
    public string SlavePath { get; }

    /// <summary>Makes a pseudo-terminal.</summary>
    /// <param name="isRaw">In raw mode; otherwise as the kernel makes them, for people.</param>
    /// <exception cref="IOException">The system has no free pseudo-terminal, or /dev/pts is not mounted.</exception>
    public static PseudoTerminal Open(bool isRaw = true)
    {
        const OpenFlags Flags = OpenFlags.ReadWrite | OpenFlags.NoControllingTerminal;
        FileDescriptor master = new(PosixResult.From(Libc.OpenPseudoTerminal((int)Flags | 0x80000)).OrThrow("open a pseudo-terminal"));
        _ = PosixResult.From(Libc.GrantPseudoTerminal(master)).OrThrow("grantpt");
        _ = PosixResult.From(Libc.UnlockPseudoTerminal(master)).OrThrow("unlockpt");
        byte* name = stackalloc byte[128];
        _ = PosixResult.From(Libc.PseudoTerminalName(master, name, 128)).OrThrow("ptsname");
        string slavePath = Encoding.UTF8.GetString(System.Runtime.InteropServices.MemoryMarshal.CreateReadOnlySpanFromNullTerminated(name));

        // The line discipline's mode belongs to the pair and outlives this first open, which also makes the master
        // report a hang-up until the first real user comes.
        _ = FileDescriptor.Open(slavePath, Flags, 0, out FileDescriptor? slave).OrThrow($"open {slavePath}");
        using (slave)
        {
            if (isRaw)
            {
                _ = Terminal.MakeRaw(slave!, keepSignals: false, out _).OrThrow($"raw mode on {slavePath}");
            }
        }

        _ = master.SetNonBlocking(true).OrThrow("fcntl");
        FileDescriptor changes = new(PosixResult.From(Libc.InotifyInit(InotifyNonBlocking)).OrThrow("inotify_init1"));
        _ = PosixResult.From(Libc.InotifyAddWatch(changes, slavePath, WatchOpenAndClose)).OrThrow($"watch {slavePath}");
        return new(master, changes, slavePath);
    }

    /// <summary>Somebody has the slave open.</summary>
    /// <param name="hasInput">Bytes are there to be read from the master, also after everybody closed the slave.</param>
    public bool IsSlaveOpen(out bool hasInput)
    {
        // EPOLLHUP stands on the master while no slave is open. Looking also moves bytes on that are still under way.
        using Epoll look = new(1);
        _ = look.Add(Master, EpollEvents.In, 0).OrThrow("epoll_ctl");
        Span<EpollEvent> events = stackalloc EpollEvent[1];
        EpollEvents found = look.Wait(events, 0) == 0 ? EpollEvents.None : events[0].Events;
        hasInput = (found & EpollEvents.In) != 0;
        return (found & EpollEvents.HangUp) == 0;
    }

    public void Dispose()
    {
        Changes.Dispose();
        Master.Dispose();
    }
}
