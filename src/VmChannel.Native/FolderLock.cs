using System.Diagnostics;

namespace VmChannel.Native;

/// <summary>A folder that processes change one after the other.</summary>
public static class FolderLock
{
    private const int Exclusive = 2;
    private const int NonBlocking = 4;
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(1);

    /// <summary>Waits for the lock (flock(2)). It binds only those who ask for it, and the kernel gives it up for a process that dies.</summary>
    /// <param name="path">An existing folder that this process may read.</param>
    /// <returns>Holds the lock until it is disposed.</returns>
    /// <exception cref="IOException">The folder cannot be opened or locked.</exception>
    public static FileDescriptor Take(string path)
    {
        _ = FileDescriptor.Open(path, OpenFlags.ReadOnly, 0, out FileDescriptor? folder).OrThrow($"open {path}");
        PosixResult locked;
        do
        {
            locked = PosixResult.From(Libc.Lock(folder!, Exclusive));
        }
        while (locked.Error == Errno.Interrupted);
        if (!locked.IsSuccess)
        {
            folder!.Dispose();
            _ = locked.OrThrow($"lock {path}");
        }

        return folder!;
    }

    /// <summary>Takes the lock if it can be had: any user who may read the folder could keep it.</summary>
    /// <param name="path">The folder.</param>
    /// <param name="patience">How long it is waited for at most.</param>
    /// <returns>Holds the lock until it is disposed; null when there is none to be had.</returns>
    public static FileDescriptor? TryTake(string path, TimeSpan patience)
    {
        _ = FileDescriptor.Open(path, OpenFlags.ReadOnly, 0, out FileDescriptor? folder);
        for (long began = Stopwatch.GetTimestamp(); folder is not null; _ = Poll.Wait([], Pause))
        {
            PosixResult locked = PosixResult.From(Libc.Lock(folder, Exclusive | NonBlocking));
            if (locked.IsSuccess)
            {
                return folder;
            }

            if (!locked.IsAgain || Stopwatch.GetElapsedTime(began) > patience)
            {
                folder.Dispose();
                return null;
            }
        }

        return null;
    }
}
