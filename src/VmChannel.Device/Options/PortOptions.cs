using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using VmChannel.Device.Channels;
using VmChannel.Device.Chardevs;
using VmChannel.Device.Services;
using VmChannel.Wire;

namespace VmChannel.Device.Options;

/// <summary>Reads <c>-virtioserial</c> and <c>-virtconsole</c>.</summary>
/// <remarks>
/// A word after <c>char=</c> belongs to the chardev when the chardev has such a key and it was not given yet, and to the
/// port otherwise; a word after <c>service=</c> likewise. Pure: nothing is opened or looked up.
/// </remarks>
public sealed class PortOptions
{
    private const int LargestNumber = ushort.MaxValue;

    private static readonly string[] SerialKeys = ["port", "nr", "protocol", "name", "char", "service", "on-disconnect"];
    private static readonly string[] ConsoleKeys = ["name", "protocol", "char", "service"];

    private readonly string _origin;
    private readonly bool _isConsole;
    private readonly IReadOnlyList<ServiceSpec> _services;
    private readonly HashSet<string> _given = [];
    private readonly Dictionary<string, string> _serviceOptions = [];
    private int? _number;
    private ProtocolName? _protocol;
    private ChardevOptions? _chardev;
    private string? _service;
    private DisconnectPolicy _onDisconnect;

    private PortOptions(string origin, bool isConsole, IReadOnlyList<ServiceSpec> services)
    {
        _origin = origin;
        _isConsole = isConsole;
        _services = services;
    }

    /// <summary>Keys of the service that was named, or else of the one that is built in for the protocol.</summary>
    private IReadOnlyList<string> ServiceKeys
        => _services.FirstOrDefault(
            service => _service is not null ? service.Name == _service : service.Protocol is not null && service.Protocol == _protocol?.Text)?.KnownKeys ?? [];

    private IReadOnlyList<string> Keys => _isConsole ? ConsoleKeys : SerialKeys;

    /// <summary>The keys of a port itself; chardevs and services have more.</summary>
    public static IReadOnlyList<string> KeysOf(bool isConsole) => isConsole ? ConsoleKeys : SerialKeys;

    /// <summary>Reads a port for <c>-virtioserial</c>.</summary>
    /// <param name="text">Such as <c>port=4,protocol=org.qemu.clipboard</c>.</param>
    /// <param name="services">The services that are built in.</param>
    /// <param name="request">What it asks for.</param>
    /// <param name="error">One line for people: where, what is wrong, what to do.</param>
    public static bool TryParseSerial(
        string text,
        IReadOnlyList<ServiceSpec> services,
        [NotNullWhen(true)] out PortRequest? request,
        [NotNullWhen(false)] out string? error)
        => new PortOptions($"-virtioserial {text}", isConsole: false, services).TryParse(text, out request, out error);

    /// <summary>Reads a console for <c>-virtconsole</c>; an empty text is this process's own terminal.</summary>
    /// <inheritdoc cref="TryParseSerial"/>
    public static bool TryParseConsole(
        string text,
        IReadOnlyList<ServiceSpec> services,
        [NotNullWhen(true)] out PortRequest? request,
        [NotNullWhen(false)] out string? error)
        => new PortOptions($"-virtconsole {text}".TrimEnd(), isConsole: true, services).TryParse(text, out request, out error);

    /// <summary>Reads a port from words that stand apart already, such as the keys of a table in a file.</summary>
    /// <param name="origin">Where they stand, for later messages.</param>
    /// <param name="isConsole">They are those of <c>-virtconsole</c>.</param>
    /// <param name="words">In the order in which the command line would have them.</param>
    /// <param name="services">The services that are built in.</param>
    /// <param name="report">Gets every error, with the index of the word it is about; −1 when something is missing.</param>
    /// <returns>What they ask for; null after an error.</returns>
    public static PortRequest? Read(
        string origin, bool isConsole, IReadOnlyList<OptionWord> words, IReadOnlyList<ServiceSpec> services, Action<int, string> report)
        => new PortOptions(origin, isConsole, services).Read(words, report);

    private bool TryParse(string text, [NotNullWhen(true)] out PortRequest? request, [NotNullWhen(false)] out string? error)
    {
        request = null;
        string? first = null;
        List<string> words = text.Length == 0 && _isConsole ? [] : OptionWord.Split(text, out first);
        if (first is null)
        {
            request = Read([.. words.Select(OptionWord.Parse)], (_, wrong) => first ??= wrong);
        }

        error = first is null ? null : $"{_origin}: {first}";
        return request is not null;
    }

    private PortRequest? Read(IReadOnlyList<OptionWord> words, Action<int, string> report)
    {
        ChardevSpec? chardev = null;
        bool isGood = true;
        int charIndex = -1;
        void Check(int index, string? error)
        {
            if (error is not null)
            {
                isGood = false;
                report(index, error);
            }
        }

        for (int i = 0; i < words.Count; i++)
        {
            bool isChardev = words[i].Key == "char";
            charIndex = isChardev ? i : charIndex;
            Check(i, Take(words[i]));
            if (isChardev && _chardev is null)
            {
                // What follows may be its options: nobody can tell.
                break;
            }
        }

        if (_chardev is not null && !_chardev.TryBuild(out chardev, out string? wrong))
        {
            Check(charIndex, wrong);
        }

        Check(-1, FindGap());
        if (!isGood)
        {
            return null;
        }

        if (_isConsole && chardev is null && _service is null)
        {
            chardev = new ChardevSpec.Stdio(Signals: true);
        }

        return new(_origin, _isConsole, _number, _protocol, chardev, _service, _serviceOptions, _onDisconnect);
    }

    private string? Take(OptionWord word)
    {
        if (_chardev is not null && _chardev.Takes(word))
        {
            return _chardev.TryAdd(word, out string? error) ? null : error;
        }

        if (word.Key is not null && ServiceKeys.Contains(word.Key) && _serviceOptions.TryAdd(word.Key, word.Value))
        {
            return null;
        }

        if (word.Key is null || !Keys.Contains(word.Key))
        {
            return Unknown(word);
        }

        // Two words for one thing: QEMU's and ours.
        string thing = word.Key switch
        {
            "nr" => "port",
            "name" => "protocol",
            _ => word.Key,
        };
        return _given.Add(thing) ? Take(thing, word) : $"{word.Key} is given twice";
    }

    private string? Take(string thing, OptionWord word)
    {
        switch (thing)
        {
            case "port":
                return TakeNumber(word);
            case "protocol":
                return TakeProtocol(word);
            case "char":
                return ChardevOptions.TryBegin(word.Value, out _chardev, out string? error) ? null : error;
            case "service":
                _service = word.Value;
                return _services.Any(service => service.Name == word.Value)
                    ? null
                    : $"no service {word.Value}: {Spelling.Hint(word.Value, [.. _services.Select(service => service.Name)])}";
            default:
                return TakePolicy(word.Value);
        }
    }

    private string? TakeNumber(OptionWord word)
    {
        if (int.TryParse(word.Value, NumberStyles.None, CultureInfo.InvariantCulture, out int number) && number <= LargestNumber)
        {
            _number = number;
            return null;
        }

        return $"{word}: a port number is needed, from 1 on";
    }

    private string? TakeProtocol(OptionWord word)
    {
        if (ProtocolName.TryParse(word.Value, out ProtocolName name, out string? reason))
        {
            _protocol = name;
            return null;
        }

        return word.Value.Length == 0 ? $"{word.Key} is empty" : $"{word}: the name {reason}";
    }

    private string? TakePolicy(string value)
    {
        switch (value)
        {
            case "hold":
                _onDisconnect = DisconnectPolicy.Hold;
                return null;
            case "discard":
                _onDisconnect = DisconnectPolicy.Discard;
                return null;
            default:
                return $"on-disconnect={value}: say hold or discard";
        }
    }

    private string? FindGap()
        => _chardev is not null && _service is not null ? "char= and service= exclude each other: give one"
            : !_given.Contains("protocol") && !_isConsole ? "protocol is missing: write protocol=org.example.name"
            : null;

    private string Unknown(OptionWord word)
    {
        string name = word.Key ?? word.Value;
        if (word.Key is null && Keys.Contains(name))
        {
            return $"{name} needs a value: write {name}=…";
        }

        if (_isConsole && (name is "port" or "nr"))
        {
            return $"{word}: a console is always port 0: leave {name}= out";
        }

        IEnumerable<string> known = Keys.Concat(_chardev?.Keys ?? []).Concat(ServiceKeys).Distinct();
        return $"unknown option {name}: {Spelling.Hint(name, [.. known])}";
    }
}
