namespace VmChannel.Cli.Fetch;

/// <summary>Makes the unpacked toolchain usable from where it lies: <c>bin/cc</c> and <c>bin/objcopy</c>.</summary>
internal static class LinkerToolchain
{
    private const string Triplet = "x86_64-linux-gnu";

    // gcc finds its own parts relative to its path; --sysroot makes ld look for libc.so, a linker script with absolute
    // paths, inside the unpacked tree. Only the binutils libraries go on the library path: the C library stays the host's.
    private const string Preamble =
        $"""
        #!/bin/sh
        root=$(dirname "$(dirname "$(readlink -f "$0")")")/root
        export LD_LIBRARY_PATH="$root/usr/lib/{Triplet}"
        export PATH="$root/usr/bin:$PATH"
        """;

    public static void WriteWrappers(string folder)
    {
        string bin = Directory.CreateDirectory(Path.Combine(folder, "bin")).FullName;
        Write(bin, "cc", $"""exec "$root/usr/bin/{Triplet}-gcc-12" --sysroot="$root" -B "$root/usr/bin/{Triplet}-" "$@" """);
        Write(bin, "objcopy", $"""exec "$root/usr/bin/{Triplet}-objcopy" "$@" """);
    }

    private static void Write(string folder, string name, string command)
    {
        string path = Path.Combine(folder, name);
        File.WriteAllText(path, $"{Preamble}\n{command.TrimEnd()}\n");
        File.SetUnixFileMode(path, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute
            | UnixFileMode.GroupRead | UnixFileMode.GroupExecute | UnixFileMode.OtherRead | UnixFileMode.OtherExecute);
    }
}
