using System.Globalization;

namespace VmChannel.Device.Chardevs;

/// <summary>Values given for a chardev, taken out with their meaning. Remembers the first thing that is wrong.</summary>
internal sealed class ChardevValues(string backend, IReadOnlyDictionary<string, string> values)
{
    public string? Error { get; private set; }

    public bool Has(string key) => values.ContainsKey(key);

    public string Text(string key, string example)
    {
        if (OptionalText(key) is string text)
        {
            return text;
        }

        Fail($"{key} is missing: write {key}={example}");
        return "";
    }

    public string? OptionalText(string key)
    {
        if (values.TryGetValue(key, out string? text) && text.Length == 0)
        {
            Fail($"{key} is empty");
        }

        return text;
    }

    /// <summary>The value, empty when it is missing.</summary>
    public string Raw(string key) => values.TryGetValue(key, out string? text) ? text : "";

    public bool Switch(string key, bool otherwise)
    {
        if (!values.TryGetValue(key, out string? text))
        {
            return otherwise;
        }

        if (new OptionWord(key, text).Switch is bool isOn)
        {
            return isOn;
        }

        Fail($"{key}={text}: say on or off");
        return otherwise;
    }

    public int Number(string key, int most, int least = 0)
    {
        string text = Text(key, "N");
        if (int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out int number) && number >= least && number <= most)
        {
            return number;
        }

        Fail(most == int.MaxValue ? $"{key}={text}: a whole number is needed" : $"{key}={text}: a number from {least} to {most} is needed");
        return least;
    }

    /// <summary>One of several words; the first when the key is missing.</summary>
    public string Word(string key, params ReadOnlySpan<string> words)
    {
        if (!values.TryGetValue(key, out string? text))
        {
            return words[0];
        }

        if (!words.Contains(text))
        {
            Fail($"{key}={text}: say {string.Join(" or ", words)}");
        }

        return text;
    }

    public void Fail(string error) => Error ??= $"{backend}: {error}";
}
