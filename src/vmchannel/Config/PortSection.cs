using VmChannel.Device.Chardevs;
using VmChannel.Device.Options;
using VmChannel.Device.Services;

namespace VmChannel.Cli.Config;

/// <summary>Reads one <c>[[vm.NAME.port]]</c>, or the console's table: the keys of <c>-virtioserial</c> through its own parser.</summary>
/// <param name="table">The table.</param>
/// <param name="isConsole">The keys are those of <c>-virtconsole</c>.</param>
/// <param name="errors">Gets what is wrong.</param>
internal sealed class PortSection(ConfigTable table, bool isConsole, ConfigErrors errors)
{
    /// <summary>More than there are keys.</summary>
    private const int MostWords = 100;

    private readonly List<(OptionWord Word, int Line)> _words = [];

    public int Line => table.Line;

    /// <summary>Where a key is given, or else where the port begins.</summary>
    public int LineOf(string key) => (table.Find(key) ?? table.Find("options"))?.Line ?? table.Line;

    /// <summary>What it asks for; null after an error.</summary>
    public PortRequest? Read()
    {
        if (!(table.Find("options") is ConfigEntry options ? TakeWhole(options) : TakeKeys()))
        {
            return null;
        }

        if (_words.Count > MostWords)
        {
            errors.Add(table.Line, $"the port has {_words.Count} options: there are not so many");
            return null;
        }

        return PortOptions.Read(
            errors.At(table.Line), isConsole, [.. _words.Select(word => word.Word)], ServiceCatalog.All,
            (word, error) => errors.Add(word < 0 ? table.Line : _words[word].Line, error));
    }

    /// <summary>One text with everything, as on the command line.</summary>
    private bool TakeWhole(ConfigEntry options)
    {
        if (table.Entries.Count > 1)
        {
            ConfigEntry other = table.Entries.First(entry => entry != options);
            errors.Add(other.Line, $"options holds all options of the port: move {other.Key} into it, or write a key for each");
            return false;
        }

        if (options.Value is not ConfigValue.Scalar { Type: ScalarType.Text } text)
        {
            errors.Add(options.Value.Line, $"options is {options.Value.Kind}: a text is needed: options = \"protocol=NAME,char=…\"");
            return false;
        }

        return TakeText(text.Text, text.Line);
    }

    private bool TakeText(string text, int line)
    {
        List<string> words = OptionWord.Split(text, out string? error);
        if (error is not null)
        {
            errors.Add(line, error);
            return false;
        }

        _words.AddRange(words.Select(word => (OptionWord.Parse(word), line)));
        return true;
    }

    /// <summary>
    /// A word's meaning depends on those before it, but a table has no order: first what names the port and its service,
    /// then the port's other keys, then its chardev, then what is left, which is the chardev's or the service's.
    /// </summary>
    private bool TakeKeys()
    {
        bool isGood = true;
        foreach (ConfigEntry entry in table.Entries.OrderBy(RankOf))
        {
            if (entry.Value is not ConfigValue.Scalar { Type: not ScalarType.Date } value)
            {
                errors.Add(entry.Value.Line, $"{entry.Key} is {entry.Value.Kind}: a text, a number, true or false is needed");
                isGood = false;
            }
            else if (entry.Key.Contains('=', StringComparison.Ordinal) || value.Text.Contains('\0', StringComparison.Ordinal))
            {
                errors.Add(entry.Line, $"{entry.Key} is no option, or its value no option's: remove = and zero bytes");
                isGood = false;
            }
            else if (entry.Key == "char")
            {
                // The value is an option string of its own, commas and all.
                isGood &= TakeText($"char={value.Text}", value.Line);
            }
            else
            {
                _words.Add((new OptionWord(entry.Key, value.Text), entry.Line));
            }
        }

        return isGood;
    }

    private int RankOf(ConfigEntry entry)
        => entry.Key is "protocol" or "name" or "service" ? 0
            : entry.Key == "char" ? 2
            : PortOptions.Keys.Contains(entry.Key) ? 1
            : 3;
}
