namespace VmChannel.Guest;

/// <summary>The links to ports that are in a device folder, and what it takes to make them those of a plan.</summary>
/// <remarks>Only links that lead to a virtio-serial port are ever removed; anything else at those places is somebody's and stays.</remarks>
internal sealed class DeviceLinks(string folder)
{
    // Stands for the port of a link that leads nowhere any more; no device gets that number.
    private static readonly PortId Gone = new(uint.MaxValue, uint.MaxValue);

    private static readonly EnumerationOptions EveryEntry = new() { AttributesToSkip = 0, IgnoreInaccessible = true };

    /// <summary>What is at each path below the folder where this project has links: the port it leads to, or null for anything else.</summary>
    public IReadOnlyDictionary<string, PortId?> Read()
    {
        Dictionary<string, PortId?> held = new(StringComparer.Ordinal);
        foreach (FileSystemInfo entry in new DirectoryInfo(folder).EnumerateFileSystemInfos("vmch*", EveryEntry))
        {
            if (entry.Name != LinkPlan.ChannelFolder)
            {
                Hold(held, entry, hops: 1);
            }
        }

        ReadFolder(LinkPlan.ChannelFolder, held);
        ReadFolder(LinkPlan.AgentFolder, held);
        return held;
    }

    /// <summary>Makes the links those of the plan.</summary>
    /// <param name="plan">Made from <paramref name="held"/>.</param>
    /// <param name="held">What <see cref="Read"/> said.</param>
    /// <param name="log">Gets one line for each link made, removed, or impossible.</param>
    public void Apply(LinkPlan plan, IReadOnlyDictionary<string, PortId?> held, Action<string> log)
    {
        foreach ((string path, PortId? holder) in held)
        {
            if (holder is not null && !(plan.Links.TryGetValue(path, out PortId wanted) && wanted == holder))
            {
                Attempt(path, "remove", log, () => Remove(path));
            }
        }

        foreach ((string path, PortId id) in plan.Links)
        {
            if (!held.TryGetValue(path, out PortId? holder) || holder != id)
            {
                string target = Target(plan, path, id);
                Attempt(path, $"link to {id}", log, () =>
                {
                    string link = Path.Join(folder, path);
                    Directory.CreateDirectory(Path.GetDirectoryName(link)!);
                    File.CreateSymbolicLink(link, target);
                });
            }
        }
    }

    private static string Target(LinkPlan plan, string path, PortId id)
    {
        string up = string.Concat(Enumerable.Repeat("../", path.Count(c => c == '/')));
        bool isChannel = path.StartsWith(LinkPlan.ChannelFolder + "/", StringComparison.Ordinal);
        return isChannel && plan.ShortLinks.TryGetValue(id, out string? shortLink) ? up + shortLink : up + id.Node;
    }

    private void ReadFolder(string name, Dictionary<string, PortId?> held)
    {
        DirectoryInfo root = new(Path.Join(folder, name));
        if (root.LinkTarget is not null || !root.Exists)
        {
            return;
        }

        Stack<DirectoryInfo> folders = new([root]);
        while (folders.TryPop(out DirectoryInfo? current))
        {
            foreach (FileSystemInfo entry in Entries(current))
            {
                if (entry is DirectoryInfo { LinkTarget: null } inner)
                {
                    folders.Push(inner);
                }
                else
                {
                    Hold(held, entry, hops: 2);
                }
            }
        }
    }

    // Another process makes and removes links meanwhile, and with its last link a folder.
    private static FileSystemInfo[] Entries(DirectoryInfo current)
    {
        try
        {
            return current.GetFileSystemInfos("*", EveryEntry);
        }
        catch (DirectoryNotFoundException)
        {
            return [];
        }
    }

    private void Hold(Dictionary<string, PortId?> held, FileSystemInfo entry, int hops)
    {
        PortId? port = PortOf(entry, hops);
        if (port != Gone || entry.Exists)
        {
            held[Path.GetRelativePath(folder, entry.FullName)] = port;
        }
    }

    // By the text of the links, because the node may be gone already.
    private PortId? PortOf(FileSystemInfo entry, int hops)
    {
        if (entry.LinkTarget is not string text)
        {
            // A link that went after it was listed, or was made anew, is nobody else's.
            entry.Refresh();
            return entry.Exists && !entry.Attributes.HasFlag(FileAttributes.ReparsePoint) ? null : Gone;
        }

        string target = Path.GetFullPath(text, Path.GetDirectoryName(entry.FullName)!);
        if (Path.GetDirectoryName(target) != Path.GetFullPath(folder))
        {
            return null;
        }

        string name = Path.GetFileName(target);
        return PortId.TryParse(name, out PortId id) ? id
            : hops > 1 && name.StartsWith("vmch", StringComparison.Ordinal) ? PortOf(new FileInfo(target), hops - 1)
            : null;
    }

    private void Remove(string path)
    {
        File.Delete(Path.Join(folder, path));
        for (string? parent = Path.GetDirectoryName(path); !string.IsNullOrEmpty(parent); parent = Path.GetDirectoryName(parent))
        {
            string full = Path.Join(folder, parent);
            if (Directory.EnumerateFileSystemEntries(full).Any())
            {
                return;
            }

            Directory.Delete(full);
        }
    }

    private void Attempt(string path, string verb, Action<string> log, Action action)
    {
        try
        {
            action();
            log($"{Path.Join(folder, path)}: {verb}");
        }
        catch (Exception fault) when (fault is IOException or UnauthorizedAccessException)
        {
            log($"warning: {Path.Join(folder, path)}: cannot {verb}: {fault.Message}");
        }
    }
}
