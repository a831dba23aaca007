namespace VmChannel.Native;

/// <summary>Makes named pipes (mkfifo(3)); <see cref="FileDescriptor.Open"/> opens them.</summary>
public static class NamedPipe
{
    /// <summary>Makes one. <see cref="Errno.Exists"/> when something has that path, whatever it is.</summary>
    public static PosixResult Create(string path, uint mode) => PosixResult.From(Libc.MakeFifo(path, mode));
}
