namespace VmChannel.Cli.Fetch;

/// <summary>Where to get Debian packages: the mirror this machine already uses, if it uses one.</summary>
internal static class DebianMirror
{
    public const string Default = "http://deb.debian.org/debian";

    public static string OfThisMachine() => OfSources(ReadSources("/etc/apt"));

    /// <summary>First Debian archive named in apt's source files, in either of their two formats.</summary>
    public static string OfSources(IEnumerable<string> lines)
    {
        foreach (string line in lines)
        {
            bool isList = line.StartsWith("deb ", StringComparison.Ordinal);
            bool isStanza = line.StartsWith("URIs:", StringComparison.OrdinalIgnoreCase);
            if (!isList && !isStanza)
            {
                continue;
            }

            foreach (string word in line.Split(' ', StringSplitOptions.RemoveEmptyEntries))
            {
                if (IsDebianArchive(word))
                {
                    return word.TrimEnd('/');
                }
            }
        }

        return Default;
    }

    // A snapshot's path ends in a date and has one suite each; a security archive's in debian-security.
    private static bool IsDebianArchive(string word) =>
        Uri.TryCreate(word, UriKind.Absolute, out Uri? uri)
        && uri.Scheme is "http" or "https"
        && uri.AbsolutePath.TrimEnd('/').EndsWith("/debian", StringComparison.Ordinal);

    private static IEnumerable<string> ReadSources(string folder)
    {
        List<string> files = [Path.Combine(folder, "sources.list")];
        string parts = Path.Combine(folder, "sources.list.d");
        if (Directory.Exists(parts))
        {
            files.AddRange(Directory.GetFiles(parts, "*.list").Concat(Directory.GetFiles(parts, "*.sources")).Order(StringComparer.Ordinal));
        }

        foreach (string file in files)
        {
            string[] lines;
            try
            {
                lines = File.ReadAllLines(file);
            }
            catch (Exception error) when (error is IOException or UnauthorizedAccessException)
            {
                continue; // not ours to complain about: the default mirror serves
            }

            foreach (string line in lines)
            {
                yield return line;
            }
        }
    }
}
