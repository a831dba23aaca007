using System.Runtime.InteropServices;

namespace VmChannel.Native;

/// <summary>Loads kernel modules (finit_module(2)).</summary>
public static partial class KernelModule
{
    // uapi/linux/module.h: the kernel unpacks the file itself, with the method it was configured for.
    private const int CompressedFile = 4;

    /// <summary>Loads a module file; its dependencies must be there already.</summary>
    /// <param name="file">The module, open for reading.</param>
    /// <param name="compressed">The file is packed (<c>.xz</c>, <c>.zst</c>, <c>.gz</c>); Linux 5.17 and later.</param>
    /// <returns>Exists: it is loaded or built in already.</returns>
    public static PosixResult Load(FileDescriptor file, bool compressed)
    {
        nint number = RuntimeInformation.ProcessArchitecture == Architecture.Arm64 ? 273 : 313;
        return PosixResult.From(FinitModule(number, file, "", compressed ? CompressedFile : 0));
    }

    // The C library has no wrapper for it.
    [LibraryImport("libc", EntryPoint = "syscall", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial nint FinitModule(nint number, FileDescriptor fd, string parameters, nint flags);
}
