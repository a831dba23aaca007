using System.Diagnostics.CodeAnalysis;
using VmChannel.Device.Chardevs;

namespace VmChannel.Cli.Config;

/// <summary>Reads the keys of one table that have a meaning; what nobody asks for is unknown.</summary>
/// <param name="table">The table.</param>
/// <param name="name">How it is called in messages: <c>[vm.web]</c>.</param>
/// <param name="errors">Gets what is wrong.</param>
internal sealed class ConfigSection(ConfigTable table, string name, ConfigErrors errors)
{
    private readonly List<string> _known = [];

    /// <summary>The key's own line, or else the table's.</summary>
    public int LineOf(string key) => table.Find(key)?.Line ?? table.Line;

    public bool Has(string key) => table.Find(key) is not null;

    /// <summary>The text of a key; null when it is missing or something else.</summary>
    public string? Text(string key)
    {
        if (!TryGet(key, out ConfigEntry? entry))
        {
            return null;
        }

        if (entry.Value is not ConfigValue.Scalar { Type: ScalarType.Text } text)
        {
            errors.Add(entry.Value.Line, $"{key} is {entry.Value.Kind}: a text is needed: {key} = \"…\"");
            return null;
        }

        return text.Text;
    }

    /// <summary>A text or a number, as the option grammar writes it.</summary>
    public string? Word(string key)
    {
        if (!TryGet(key, out ConfigEntry? entry))
        {
            return null;
        }

        if (entry.Value is not ConfigValue.Scalar { Type: ScalarType.Text or ScalarType.Integer } word)
        {
            errors.Add(entry.Value.Line, $"{key} is {entry.Value.Kind}: a number or a text is needed");
            return null;
        }

        return word.Text;
    }

    public bool Switch(string key, bool otherwise)
    {
        if (!TryGet(key, out ConfigEntry? entry))
        {
            return otherwise;
        }

        if (entry.Value is not ConfigValue.Scalar { Type: ScalarType.Truth } truth)
        {
            errors.Add(entry.Value.Line, $"{key} is {entry.Value.Kind}: say true or false");
            return otherwise;
        }

        return truth.Text == "on";
    }

    /// <summary>The value of a key, whatever it is.</summary>
    public ConfigValue? Value(string key) => TryGet(key, out ConfigEntry? entry) ? entry.Value : null;

    /// <summary>Tables by their names: <c>vm</c> of <c>[vm.web]</c> and <c>[vm.db]</c>.</summary>
    public IEnumerable<(ConfigEntry Entry, ConfigTable Table)> Named(string key)
    {
        switch (Value(key))
        {
            case null:
                yield break;
            case ConfigValue.Table named:
                foreach (ConfigEntry entry in named.Entries.Entries)
                {
                    if (entry.Value is ConfigValue.Table found)
                    {
                        yield return (entry, found.Entries);
                    }
                    else
                    {
                        errors.Add(entry.Line, $"{key}.{entry.Key} is {entry.Value.Kind}: a table is needed: [{key}.{entry.Key}]");
                    }
                }

                break;
            case ConfigValue other:
                errors.Add(other.Line, $"{key} is {other.Kind}: tables with names are needed: [{key}.NAME]");
                break;
        }
    }

    /// <summary>Tables one after another: <c>[[vm.web.port]]</c>.</summary>
    public IEnumerable<ConfigTable> Sequence(string key, string header)
    {
        ConfigValue? value = Value(key);
        if (value is not (null or ConfigValue.Sequence))
        {
            errors.Add(value.Line, $"{key} is {value.Kind}: each begins with a header in two brackets: {header}");
        }

        foreach (ConfigValue item in (value as ConfigValue.Sequence)?.Items ?? [])
        {
            if (item is ConfigValue.Table found)
            {
                yield return found.Entries;
            }
            else
            {
                errors.Add(item.Line, $"{key} holds {item.Kind}: tables are needed: {header}");
            }
        }
    }

    /// <summary>After everything was asked for: the rest is misspelled.</summary>
    public void RefuseOthers()
    {
        foreach (ConfigEntry entry in table.Entries)
        {
            if (!errors.IsFull && !_known.Contains(entry.Key))
            {
                errors.Add(entry.Line, $"unknown key {entry.Key} in {name}: {Spelling.Hint(entry.Key, _known)}");
            }
        }
    }

    private bool TryGet(string key, [NotNullWhen(true)] out ConfigEntry? entry)
    {
        _known.Add(key);
        entry = table.Find(key);
        return entry is not null;
    }
}
