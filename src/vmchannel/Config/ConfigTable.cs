namespace VmChannel.Cli.Config;

/// <summary>The keys of one table in the order of the file.</summary>
/// <param name="line">Where the table begins.</param>
/// <param name="origin">What made it, which decides who may still add to it.</param>
internal sealed class ConfigTable(int line, TableOrigin origin)
{
    private readonly Dictionary<string, ConfigEntry> _byKey = [];
    private readonly List<ConfigEntry> _entries = [];

    public int Line { get; private set; } = line;

    public TableOrigin Origin { get; private set; } = origin;

    public IReadOnlyList<ConfigEntry> Entries => _entries;

    public ConfigEntry? Find(string key) => _byKey.GetValueOrDefault(key);

    /// <summary>The key must not be there yet.</summary>
    public void Add(ConfigEntry entry)
    {
        _byKey.Add(entry.Key, entry);
        _entries.Add(entry);
    }

    /// <summary>Only named on the way to another table so far; here comes its own header.</summary>
    public void Define(int line)
    {
        Line = line;
        Origin = TableOrigin.Header;
    }
}

/// <summary>One key of a table.</summary>
/// <param name="Key">Without quotes.</param>
/// <param name="Line">Of the key.</param>
/// <param name="Value">Its value.</param>
internal sealed record ConfigEntry(string Key, int Line, ConfigValue Value);

/// <summary>What made a table.</summary>
internal enum TableOrigin
{
    /// <summary>It was named on the way to another: <c>vm</c> in <c>[vm.web]</c>.</summary>
    Passage,

    /// <summary>Its own header, or the file itself.</summary>
    Header,

    /// <summary>A dotted key: <c>a</c> in <c>a.b = 1</c>.</summary>
    DottedKey,

    /// <summary>Braces.</summary>
    Inline,
}
