namespace VmChannel.Cli.Fetch;

/// <summary>Makes the unpacked toolchain usable from where it lies: <c>bin/cc</c>, <c>bin/objcopy</c> and what they call.</summary>
internal static class LinkerToolchain
{
    private const string Triplet = "x86_64-linux-gnu";

    // gcc finds its own parts relative to its path; --sysroot makes ld look for libc.so, a linker script with absolute
    // paths, inside the unpacked tree. Only the binutils libraries go on the library path: the C library stays the host's.
    private const string Preamble =
        $"""
        #!/bin/sh
        bin=$(dirname "$(readlink -f "$0")")
        root=$(dirname "$bin")/root
        export LD_LIBRARY_PATH="$root/usr/lib/{Triplet}"
        """;

    public static void WriteWrappers(string folder)
    {
        string bin = Directory.CreateDirectory(Path.Combine(folder, "bin")).FullName;
        Write(bin, "cc", $"""exec "$root/usr/bin/{Triplet}-gcc-12" --sysroot="$root" -B "$bin/" "$@" """);
        Write(bin, "objcopy", $"""exec "$root/usr/bin/{Triplet}-objcopy" "$@" """);

        // The plain names gcc asks for are in a package of links, which would bring nothing else.
        foreach (string name in (ReadOnlySpan<string>)["ld", "ld.bfd", "as", "ar"])
        {
            File.CreateSymbolicLink(Path.Combine(bin, name), $"../root/usr/bin/{Triplet}-{name}");
        }
    }

    private static void Write(string folder, string name, string command)
    {
        string path = Path.Combine(folder, name);
        File.WriteAllText(path, $"{Preamble}\n{command.TrimEnd()}\n");
        File.SetUnixFileMode(path, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute
            | UnixFileMode.GroupRead | UnixFileMode.GroupExecute | UnixFileMode.OtherRead | UnixFileMode.OtherExecute);
    }
}
