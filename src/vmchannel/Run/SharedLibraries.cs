namespace VmChannel.Cli.Run;

/// <summary>The libraries of this machine that a program loads, so that it starts where nothing else is.</summary>
internal static class SharedLibraries
{
    /// <summary>Where Debian's and Fedora's loaders look without a cache, in that order.</summary>
    private static readonly string[] Folders =
        ["/lib/x86_64-linux-gnu", "/usr/lib/x86_64-linux-gnu", "/lib/aarch64-linux-gnu", "/usr/lib/aarch64-linux-gnu", "/lib64", "/usr/lib64", "/lib", "/usr/lib"];

    /// <summary>Full paths of the loader and of every library, each once. The paths are where the program expects them.</summary>
    /// <exception cref="RunException">A library is missing on this machine.</exception>
    public static IReadOnlyList<string> Of(string program)
    {
        ElfFile elf = ElfFile.Read(program);
        List<string> paths = [];
        Queue<(string Name, string NeededBy)> wanted = new(elf.Needed().Select(name => (name, program)));
        if (elf.Interpreter() is string interpreter)
        {
            paths.Add(interpreter);
        }

        HashSet<string> seen = [.. paths.Select(path => Path.GetFileName(path))];
        while (wanted.TryDequeue(out (string Name, string NeededBy) next))
        {
            if (!seen.Add(next.Name))
            {
                continue;
            }

            string path = Folders.Select(folder => Path.Combine(folder, next.Name)).FirstOrDefault(File.Exists)
                ?? throw new RunException($"{next.NeededBy} needs {next.Name}, which is in none of {string.Join(", ", Folders)}");
            paths.Add(path);
            foreach (string name in ElfFile.Read(path).Needed())
            {
                wanted.Enqueue((name, path));
            }
        }

        return paths;
    }
}
