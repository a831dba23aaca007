using System.Globalization;
using Tomlyn;
using Tomlyn.Parsing;
using Tomlyn.Syntax;

namespace VmChannel.Cli.Config;

/// <summary>Reads TOML 1.0 into tables that know their lines.</summary>
/// <remarks>
/// Tomlyn's parser reads the grammar. What its validator would check (keys defined twice) is checked here, because
/// the validator quotes the earlier definition in each message: a file of one mebibyte could ask for terabytes.
/// </remarks>
internal sealed class TomlDocument
{
    private readonly ConfigErrors _errors;
    private readonly ConfigTable _root = new(1, TableOrigin.Header);

    private TomlDocument(ConfigErrors errors) => _errors = errors;

    /// <summary>Reads a whole file.</summary>
    /// <param name="text">Its text.</param>
    /// <param name="errors">Gets what is wrong.</param>
    /// <returns>The file's table; null when the text is not TOML.</returns>
    public static ConfigTable? Read(string text, ConfigErrors errors)
    {
        DocumentSyntax syntax;
        try
        {
            syntax = SyntaxParser.Parse(text, errors.File, validate: false);
        }
        catch (TomlException e)
        {
            // Only what is nested too deeply ends the parser in this way.
            errors.Add(e.Line ?? 0, $"{TomlProblem.Plain(e.Message)}: write tables with [headers] instead");
            return null;
        }

        catch (Exception e) when (e is ArgumentException or InvalidOperationException or IndexOutOfRangeException)
        {
            // Tomlyn 2.10 fails itself where the file ends after a backslash in quotes (ArgumentOutOfRangeException).
            errors.Add(text.Count('\n') + 1, "this is not TOML: the file ends in the middle of a text: close its quotes");
            return null;
        }

        if (syntax.HasErrors)
        {
            TomlProblem.Report(syntax.Diagnostics, text, errors);
            return null;
        }

        TomlDocument document = new(errors);
        document.TakeAll(syntax);
        return document._root;
    }

    private void TakeAll(DocumentSyntax syntax)
    {
        TakeKeys(_root, syntax.KeyValues);
        foreach (TableSyntaxBase table in syntax.Tables)
        {
            if (Open(table) is ConfigTable opened)
            {
                TakeKeys(opened, table.Items);
            }
        }
    }

    private void TakeKeys(ConfigTable table, IEnumerable<KeyValueSyntax> keys)
    {
        foreach (KeyValueSyntax key in keys)
        {
            Take(table, key);
        }
    }

    private void Take(ConfigTable table, KeyValueSyntax syntax)
    {
        List<string> path = Path(syntax.Key!);
        int line = LineOf(syntax.Key!);
        foreach (string name in path.SkipLast(1))
        {
            ConfigEntry? entry = table.Find(name);
            if (entry is null)
            {
                entry = new(name, line, new ConfigValue.Table(line, new ConfigTable(line, TableOrigin.DottedKey)));
                table.Add(entry);
            }

            if (entry.Value is not ConfigValue.Table { Entries: { Origin: TableOrigin.DottedKey } next })
            {
                _errors.Add(line, $"{name} is {entry.Value.Kind} of line {entry.Line}, and cannot be added to: write the key there");
                return;
            }

            table = next;
        }

        if (IsNew(table, path[^1], line))
        {
            table.Add(new(path[^1], line, ToValue(syntax.Value!)));
        }
    }

    /// <summary>The table that a header names, made or found; null after an error.</summary>
    private ConfigTable? Open(TableSyntaxBase header)
    {
        List<string> path = Path(header.Name!);
        int line = LineOf(header);
        ConfigTable? table = _root;
        foreach (string name in path.SkipLast(1))
        {
            table = Enter(table, name, line);
            if (table is null)
            {
                return null;
            }
        }

        return header is TableArraySyntax ? Append(table, path[^1], line) : Define(table, path[^1], line);
    }

    /// <summary>One step on the way to a table.</summary>
    private ConfigTable? Enter(ConfigTable table, string name, int line)
    {
        switch (table.Find(name))
        {
            case null:
                ConfigTable passage = new(line, TableOrigin.Passage);
                table.Add(new(name, line, new ConfigValue.Table(line, passage)));
                return passage;
            case { Value: ConfigValue.Table { Entries: { Origin: not TableOrigin.Inline } entries } }:
                return entries;
            case { Value: ConfigValue.Sequence { IsOpen: true, Items: [.., ConfigValue.Table last] } }:
                return last.Entries;
            case ConfigEntry entry:
                _errors.Add(line, $"{name} is {entry.Value.Kind} of line {entry.Line}, and cannot be added to: write the key there");
                return null;
        }
    }

    private ConfigTable? Define(ConfigTable table, string name, int line)
    {
        if (table.Find(name) is { Value: ConfigValue.Table { Entries: { Origin: TableOrigin.Passage } passage } })
        {
            passage.Define(line);
            return passage;
        }

        if (!IsNew(table, name, line))
        {
            return null;
        }

        ConfigTable defined = new(line, TableOrigin.Header);
        table.Add(new(name, line, new ConfigValue.Table(line, defined)));
        return defined;
    }

    private ConfigTable? Append(ConfigTable table, string name, int line)
    {
        ConfigTable appended = new(line, TableOrigin.Header);
        if (table.Find(name) is { Value: ConfigValue.Sequence { IsOpen: true } open })
        {
            open.Items.Add(new ConfigValue.Table(line, appended));
            return appended;
        }

        if (!IsNew(table, name, line))
        {
            return null;
        }

        table.Add(new(name, line, new ConfigValue.Sequence(line, [new ConfigValue.Table(line, appended)], IsOpen: true)));
        return appended;
    }

    private bool IsNew(ConfigTable table, string name, int line)
    {
        if (table.Find(name) is not ConfigEntry first)
        {
            return true;
        }

        int firstLine = first.Value is ConfigValue.Table defined ? defined.Entries.Line : first.Line;
        _errors.Add(line, $"{name} is given twice, first in line {firstLine}: remove one");
        return false;
    }

    private ConfigValue ToValue(ValueSyntax syntax)
    {
        int line = LineOf(syntax);
        return syntax switch
        {
            StringValueSyntax text => new ConfigValue.Scalar(line, ScalarType.Text, text.Value ?? ""),
            IntegerValueSyntax number => new ConfigValue.Scalar(line, ScalarType.Integer, number.Value.ToString(CultureInfo.InvariantCulture)),
            BooleanValueSyntax truth => new ConfigValue.Scalar(line, ScalarType.Truth, truth.Value ? "on" : "off"),
            FloatValueSyntax number => new ConfigValue.Scalar(line, ScalarType.Float, number.Token?.Text ?? ""),
            ArraySyntax array => new ConfigValue.Sequence(line, [.. array.Items.Select(item => ToValue(item.Value!))], IsOpen: false),
            InlineTableSyntax table => ToTable(table, line),
            _ => new ConfigValue.Scalar(line, ScalarType.Date, ""),
        };
    }

    private ConfigValue.Table ToTable(InlineTableSyntax syntax, int line)
    {
        ConfigTable table = new(line, TableOrigin.Inline);
        TakeKeys(table, syntax.Items.Select(item => item.KeyValue!));
        return new(line, table);
    }

    private static List<string> Path(KeySyntax key) => [NameOf(key.Key!), .. key.DotKeys.Select(dotted => NameOf(dotted.Key!))];

    private static string NameOf(BareKeyOrStringValueSyntax key) => key switch
    {
        BareKeySyntax bare => bare.Key?.Text ?? "",
        StringValueSyntax text => text.Value ?? "",
        _ => "",
    };

    private static int LineOf(SyntaxNode syntax) => syntax.Span.Start.Line + 1;
}
