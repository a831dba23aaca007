using System.Runtime.InteropServices;

namespace VmChannel.Native;

/// <summary>pipe(2).</summary>
public static unsafe partial class AnonymousPipe
{
    private const int CloseOnExec = 0x80000;

    /// <summary>Both ends, blocking and close-on-exec.</summary>
    public static (FileDescriptor Reader, FileDescriptor Writer) Create()
    {
        int* fds = stackalloc int[2];
        _ = PosixResult.From(CreatePipe(fds, CloseOnExec)).OrThrow("pipe");
        return (new(fds[0]), new(fds[1]));
    }

    [LibraryImport("libc", EntryPoint = "pipe2", SetLastError = true)]
    private static partial int CreatePipe(int* fds, int flags);
}
