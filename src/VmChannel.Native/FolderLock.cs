namespace VmChannel.Native;

/// <summary>A folder that processes change one after the other.</summary>
public static class FolderLock
{
    private const int Exclusive = 2;

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
}
