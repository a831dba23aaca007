namespace VmChannel.Cli.Config;

/// <summary>A value of a configuration file, and the line it begins on.</summary>
/// <param name="Line">Counts from 1.</param>
internal abstract record ConfigValue(int Line)
{
    /// <summary>What it is, for messages: <c>a table</c>.</summary>
    public abstract string Kind { get; }

    /// <summary>Text, a number, a truth value or a date.</summary>
    /// <param name="Line">Counts from 1.</param>
    /// <param name="Type">Which of these.</param>
    /// <param name="Text">As the option grammar writes it: truth is <c>on</c> or <c>off</c>.</param>
    public sealed record Scalar(int Line, ScalarType Type, string Text) : ConfigValue(Line)
    {
        public override string Kind => Type switch
        {
            ScalarType.Text => "a text",
            ScalarType.Integer => "a whole number",
            ScalarType.Truth => "true or false",
            ScalarType.Float => "a number with a point",
            _ => "a date",
        };
    }

    /// <summary><c>[1, 2]</c>, and <c>[[name]]</c>, which adds a table to it.</summary>
    public sealed record Sequence(int Line, List<ConfigValue> Items, bool IsOpen) : ConfigValue(Line)
    {
        public override string Kind => "a list";
    }

    /// <summary><c>[name]</c> and <c>{ … }</c>.</summary>
    public sealed record Table(int Line, ConfigTable Entries) : ConfigValue(Line)
    {
        public override string Kind => "a table";
    }
}

/// <summary>What a <see cref="ConfigValue.Scalar"/> was in the file.</summary>
internal enum ScalarType
{
    Text,
    Integer,
    Truth,
    Float,
    Date,
}
