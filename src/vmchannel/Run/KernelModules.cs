namespace VmChannel.Cli.Run;

/// <summary>Modules of one kernel, below <c>…/modules/VERSION</c>, and the order in which they must be loaded.</summary>
/// <remarks>Dependencies come from the modules themselves: an unpacked kernel package has no modules.dep yet.</remarks>
internal sealed class KernelModules
{
    private const string DependsKey = "depends=";

    private readonly Dictionary<string, string> _paths = [];
    private readonly HashSet<string> _builtIn = [];

    public KernelModules(string folder)
    {
        string builtIn = Path.Combine(folder, "modules.builtin");
        if (File.Exists(builtIn))
        {
            _builtIn.UnionWith(File.ReadLines(builtIn).Select(NameOf));
        }

        foreach (string path in Directory.EnumerateFiles(Path.Combine(folder, "kernel"), "*.ko*", SearchOption.AllDirectories))
        {
            _paths.TryAdd(NameOf(path), path);
        }
    }

    /// <summary>Paths of these modules and of all they need, each after what it needs. Built-in ones are left out.</summary>
    /// <exception cref="RunException">The kernel has one of them neither built in nor as a module.</exception>
    public IReadOnlyList<string> LoadOrder(params IEnumerable<string> names)
    {
        List<string> order = [];
        HashSet<string> done = [];
        foreach (string name in names)
        {
            Add(name, order, done);
        }

        return order;
    }

    private void Add(string name, List<string> order, HashSet<string> done)
    {
        if (_builtIn.Contains(name) || !done.Add(name))
        {
            return;
        }

        if (!_paths.TryGetValue(name, out string? path))
        {
            throw new RunException($"this kernel has no '{name}', neither built in nor as a module; choose another with --kernel");
        }

        if (path.EndsWith(".ko", StringComparison.Ordinal))
        {
            foreach (string needed in DependenciesOf(ElfFile.Read(path)))
            {
                Add(needed, order, done);
            }
        }
        else
        {
            throw new RunException($"{path} is compressed, which vmchannel cannot read; unpack it beside the kernel or choose another with --kernel");
        }

        order.Add(path);
    }

    private static IEnumerable<string> DependenciesOf(ElfFile module) =>
        module.ModuleInformation()
            .Where(line => line.StartsWith(DependsKey, StringComparison.Ordinal))
            .SelectMany(line => line[DependsKey.Length..].Split(',', StringSplitOptions.RemoveEmptyEntries))
            .Select(NameOf);

    // A module's file may spell with dashes what its name spells with underscores.
    private static string NameOf(string path)
    {
        string file = Path.GetFileName(path);
        int suffix = file.IndexOf(".ko", StringComparison.Ordinal);
        return (suffix < 0 ? file : file[..suffix]).Replace('-', '_');
    }
}
