namespace VmChannel.Cli.Fetch;

/// <summary>
/// Unpacked package sets in the cache. A set's folder appears by one rename, when it is whole, so it is either absent or
/// complete; whatever an interrupted fetch leaves behind is swept by the next one.
/// </summary>
internal sealed class PackageStore(string folder, ProgressLine progress)
{
    private const string StampName = "complete";
    private const string UnfinishedSuffix = ".unfinished";

    /// <summary>The unpacked packages' file tree, or null when the set has not been fetched.</summary>
    public string? Find(PackageSet set)
    {
        string setFolder = Path.Combine(folder, set.FolderName);
        return File.Exists(Path.Combine(setFolder, StampName)) ? setFolder : null;
    }

    /// <summary>The set's folder, fetched first if need be. The packages' files are below <c>root</c> in it.</summary>
    /// <exception cref="FetchException">No network, no apt, no such package: the message says what to do.</exception>
    public async Task<string> GetAsync(PackageSet set, CancellationToken cancellationToken)
    {
        if (Find(set) is string found)
        {
            return found;
        }

        try
        {
            Directory.CreateDirectory(folder, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
            using FileStream held = await LockAsync(cancellationToken);
            return Find(set) ?? await FetchAsync(set, cancellationToken);
        }
        catch (Exception error) when (error is (IOException or UnauthorizedAccessException) and not FetchException)
        {
            throw new FetchException($"cannot write to the cache folder {folder}: {error.Message}\nSet XDG_CACHE_HOME to a folder with room to write in.");
        }
        finally
        {
            progress.Clear();
        }
    }

    private async Task<string> FetchAsync(PackageSet set, CancellationToken cancellationToken)
    {
        SweepUnfinished();
        string unfinished = Path.Combine(folder, set.FolderName + UnfinishedSuffix);
        string downloads = Path.Combine(unfinished, "downloads");
        Directory.CreateDirectory(downloads);

        progress.Show($"vmchannel: fetching {set.Name} ({set.Purpose}) …");
        AptFolder apt = new(Path.Combine(folder, "apt", set.Suite), set.Suite, DebianMirror.OfThisMachine());
        await apt.DownloadAsync(set.Packages, set.WithDependencies, downloads, cancellationToken);

        string[] archives = Directory.GetFiles(downloads, "*.deb");
        string root = Path.Combine(unfinished, "root");
        Directory.CreateDirectory(root);
        for (int index = 0; index < archives.Length; index++)
        {
            progress.Show($"vmchannel: unpacking {set.Name} {index + 1}/{archives.Length} …");
            string paths = await UnpackAsync("--vextract", archives[index], root, cancellationToken);
            if (set.KeepsControl)
            {
                string control = Path.Combine(unfinished, "control", Path.GetFileNameWithoutExtension(archives[index]));
                Directory.CreateDirectory(control);
                await UnpackAsync("--control", archives[index], control, cancellationToken);
                await File.WriteAllTextAsync(Path.Combine(control, "list"), paths, cancellationToken);
            }
        }

        Directory.Delete(downloads, recursive: true);
        DropSpecialBits(root);
        set.Finish?.Invoke(unfinished);
        await File.WriteAllLinesAsync(
            Path.Combine(unfinished, StampName), archives.Select(path => Path.GetFileName(path)).Order(StringComparer.Ordinal), cancellationToken);

        string complete = Path.Combine(folder, set.FolderName);
        if (Directory.Exists(complete))
        {
            Directory.Delete(complete, recursive: true); // without a stamp: not ours, or half deleted by hand
        }

        Directory.Move(unfinished, complete);
        return complete;
    }

    private static async Task<string> UnpackAsync(string how, string archive, string folder, CancellationToken cancellationToken)
    {
        ToolProcess unpack = await ToolProcess.RunAsync("dpkg-deb", [how, archive, folder], null, "/", cancellationToken);
        return unpack.ExitCode == 0
            ? unpack.Output
            : throw new FetchException($"dpkg-deb could not unpack {Path.GetFileName(archive)}:\n  {unpack.Errors.Trim()}");
    }

    /// <summary>Unpacked by an ordinary user, a set-uid program would let others act as that user.</summary>
    private static void DropSpecialBits(string root)
    {
        EnumerationOptions everything = new() { RecurseSubdirectories = true, AttributesToSkip = FileAttributes.ReparsePoint };
        foreach (string path in Directory.EnumerateFiles(root, "*", everything))
        {
            UnixFileMode mode = File.GetUnixFileMode(path);
            UnixFileMode plain = mode & ~(UnixFileMode.SetUser | UnixFileMode.SetGroup | UnixFileMode.StickyBit);
            if (mode != plain)
            {
                File.SetUnixFileMode(path, plain);
            }
        }
    }

    private void SweepUnfinished()
    {
        foreach (string leftover in Directory.GetDirectories(folder, "*" + UnfinishedSuffix))
        {
            Directory.Delete(leftover, recursive: true);
        }
    }

    private async Task<FileStream> LockAsync(CancellationToken cancellationToken)
    {
        const int WouldBlock = 11; // EAGAIN: FileShare.None is an flock on Unix, released by the kernel when its holder dies
        string path = Path.Combine(folder, "lock");
        while (true)
        {
            try
            {
                return new(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
            }
            catch (IOException error) when (error.HResult == WouldBlock)
            {
                progress.Show("vmchannel: waiting for another vmchannel that is fetching …");
                await Task.Delay(100, cancellationToken);
            }
        }
    }
}
