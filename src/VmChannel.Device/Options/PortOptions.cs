using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using VmChannel.Device.Channels;
using VmChannel.Device.Chardevs;
using VmChannel.Device.Ports;
using VmChannel.Device.Services;
using VmChannel.Wire;
using VmChannel.Wire.Usb;

namespace VmChannel.Device.Options;

/// <summary>Reads <c>-virtioserial</c>, <c>-usbserial</c> and <c>-virtconsole</c>, and what changes a port that is plugged.</summary>
/// <remarks>
/// A word after <c>char=</c> belongs to the chardev when the chardev has such a key and it was not given yet, and to the
/// port otherwise; a word after <c>service=</c> likewise. Nothing is opened.
/// </remarks>
public sealed class PortOptions
{
    private const int LargestNumber = ushort.MaxValue;

    private static readonly string[] IdentityKeys = ["port", "nr", "protocol", "name", "transport", "adapter"];
    private static readonly string[] EndKeys = ["char", "service"];
    private static readonly string[] NumberKeys = ["port", "nr"];
    private static readonly string[] KeptBackKeys = ["on-disconnect", "rate"];
    private const string GuestCloseKey = "on-guest-close";
    private static readonly string[] Switches = [.. LimitOptions.Switches, .. LogFileOptions.Switches];
    private static readonly string[] ChangeKeys = [.. EndKeys, "on-disconnect", GuestCloseKey, .. LimitOptions.Keys, .. LogFileOptions.Keys];
    private static readonly string[] SerialKeys = [.. IdentityKeys, .. ChangeKeys];
    private static readonly string[] ChardevKeys = [.. ChardevBackend.All.SelectMany(backend => backend.Keys).Distinct()];

    private readonly string _origin;
    private readonly PortPlan? _before;
    private readonly bool _isConsole;
    private readonly IReadOnlyList<ServiceSpec> _services;
    private readonly IReadOnlyList<string> _keys;
    private readonly HashSet<string> _given = [];
    private readonly LimitOptions _limits;
    private readonly LogFileOptions _logFile;
    private readonly Dictionary<string, string> _serviceOptions = [];
    private int? _number;
    private ProtocolName? _protocol;
    private ChardevOptions? _chardev;
    private string? _service;
    private DisconnectPolicy _onDisconnect;
    private GuestClosePolicy _onGuestClose;
    private PortTransport _transport;
    private UsbAdapterKind _adapter;

    private PortOptions(string origin, bool isConsole, IReadOnlyList<ServiceSpec> services, PortPlan? before = null)
    {
        _origin = origin;
        _before = before;
        _isConsole = isConsole;
        _services = services;
        _limits = new LimitOptions(before?.Spec.Limits ?? PortLimits.Default);
        _logFile = new LogFileOptions(before?.Spec.LogFile);
        _onDisconnect = before?.Spec.OnDisconnect ?? DisconnectPolicy.Hold;
        _onGuestClose = before?.Spec.OnGuestClose ?? GuestClosePolicy.Keep;
        IEnumerable<string> keys = before is null ? SerialKeys : ChangeKeys;
        _keys = [.. isConsole ? keys.Except([.. KeptBackKeys, .. NumberKeys, GuestCloseKey, "transport", "adapter"]) : keys];
    }

    /// <summary>Keys of the service that was named, or else of the one that serves already or is built in for the protocol.</summary>
    private IReadOnlyList<string> ServiceKeys
    {
        get
        {
            string? name = _service ?? (_chardev is null ? _before?.Service : null);
            return _services.FirstOrDefault(
                service => name is not null ? service.Name == name : _protocol is { } asked && service.Protocols.Contains(asked.Text))?.KnownKeys ?? [];
        }
    }

    /// <summary>The keys of a port itself, of which a console lacks some; chardevs and services have their own.</summary>
    public static IReadOnlyList<string> Keys => SerialKeys;

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

    /// <summary>Reads a port for <c>-usbserial</c>: the same options, for another transport.</summary>
    /// <inheritdoc cref="TryParseSerial"/>
    public static bool TryParseUsb(
        string text,
        IReadOnlyList<ServiceSpec> services,
        [NotNullWhen(true)] out PortRequest? request,
        [NotNullWhen(false)] out string? error)
        => new PortOptions($"-usbserial {text}", isConsole: false, services) { _transport = PortTransport.UsbSerial }.TryParse(text, out request, out error);

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

    /// <summary>Reads what changes a port that is plugged: what is given replaces what was, and everything else stays.</summary>
    /// <remarks>
    /// <c>char=</c> or <c>service=</c> make a whole new host end. An empty <c>logfile=</c> ends the log, <c>rate=0</c> the limit.
    /// Whether the plan fits beside the device's others says <see cref="PortTable.TryReplace"/>.
    /// </remarks>
    /// <param name="text">Such as <c>rate=1M,char=tcp:localhost:4444</c>.</param>
    /// <param name="current">The port as it is.</param>
    /// <param name="services">The services that are built in.</param>
    /// <param name="changed">The port as it is to be.</param>
    /// <param name="error">One line for people: which port, what is wrong, what to do.</param>
    public static bool TryParseChange(
        string text,
        PortPlan current,
        IReadOnlyList<ServiceSpec> services,
        [NotNullWhen(true)] out PortPlan? changed,
        [NotNullWhen(false)] out string? error)
    {
        PortOptions options = new(current.Spec.ToString(), current.Spec.IsConsole, services, current);
        changed = options.TryParse(text, out PortRequest? request, out error) ? options.Change(current, request) : null;
        return error is null;
    }

    private bool TryParse(string text, [NotNullWhen(true)] out PortRequest? request, [NotNullWhen(false)] out string? error)
    {
        request = null;
        string? first = text.Length == 0 && _before is not null ? "nothing is to be changed: give key=value" : null;
        List<string> words = first is not null || (text.Length == 0 && _isConsole) ? [] : OptionWord.Split(text, out first);
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

        PortLimits limits = _limits.Build(out string? wrongLimits);
        LogFileSpec? logFile = _logFile.Build(out string? wrongLogFile);
        Check(-1, FindGap());
        Check(-1, wrongLimits);
        Check(-1, wrongLogFile);
        if (!isGood)
        {
            return null;
        }

        if (_isConsole && _before is null && chardev is null && _service is null)
        {
            chardev = new ChardevSpec.Stdio(Signals: true);
        }

        return new(_origin, _isConsole, _number, _protocol, chardev, _service, _serviceOptions, _onDisconnect)
        {
            OnGuestClose = _onGuestClose,
            Transport = _transport,
            Adapter = _adapter,
            Limits = limits,
            LogFile = logFile,
        };
    }

    private PortPlan Change(PortPlan current, PortRequest change)
    {
        PortSpec spec = current.Spec with { OnDisconnect = change.OnDisconnect, OnGuestClose = change.OnGuestClose, Limits = change.Limits, LogFile = change.LogFile };
        if (change.Chardev is not null || change.Service is not null)
        {
            return current with { Spec = spec, Chardev = change.Chardev, Service = change.Service, ServiceOptions = change.ServiceOptions };
        }

        Dictionary<string, string> options = new(current.ServiceOptions);
        foreach ((string key, string value) in _serviceOptions)
        {
            options[key] = value;
        }

        return current with { Spec = spec, ServiceOptions = options };
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

        if (word.Key is null && Switches.Contains(word.Value))
        {
            word = new(word.Value, "on");
        }

        if (word.Key is null || !_keys.Contains(word.Key))
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
            case "transport":
                _transport = word.Value == "usb" ? PortTransport.UsbSerial : PortTransport.VirtioSerial;
                return word.Value is "usb" or "virtio" ? null : $"{word}: say virtio or usb";
            case "adapter":
                _adapter = word.Value == "acm" ? UsbAdapterKind.Acm : UsbAdapterKind.Ftdi;
                return word.Value is "ftdi" or "acm" ? null : $"{word}: say ftdi or acm";
            case "on-disconnect":
                return TakePolicy(word.Value);
            case GuestCloseKey:
                return TakeGuestClose(word.Value);
            default:
                return LimitOptions.Keys.Contains(thing) ? _limits.Take(thing, word) : _logFile.Take(thing, word);
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

    private string? TakeGuestClose(string value)
    {
        switch (value)
        {
            case "keep":
                _onGuestClose = GuestClosePolicy.Keep;
                return null;
            case "disconnect":
                _onGuestClose = GuestClosePolicy.Disconnect;
                return null;
            default:
                return $"{GuestCloseKey}={value}: say keep or disconnect";
        }
    }

    private string? FindGap()
        => _chardev is not null && _service is not null ? "char= and service= exclude each other: give one"
            : _transport == PortTransport.VirtioSerial && _given.Contains("adapter") ? "adapter= is for USB adapters: use -usbserial, or add transport=usb"
            : _transport == PortTransport.UsbSerial && _protocol?.Text is { Length: > ChannelProduct.MaxNameLength } name
                ? $"the name {name} has {name.Length} characters; a USB adapter's has at most {ChannelProduct.MaxNameLength}, because its product string holds no more"
            : !_given.Contains("protocol") && !_isConsole && _before is null ? "protocol is missing: write protocol=org.example.name"
            : null;

    private string Unknown(OptionWord word)
    {
        string name = word.Key ?? word.Value;
        if (word.Key is null && _keys.Contains(name))
        {
            return $"{name} needs a value: write {name}=…";
        }

        if (_before is not null && IdentityKeys.Contains(name))
        {
            return $"{word}: a port keeps its number, name, transport and adapter while it is plugged: unplug it, and plug another";
        }

        if (_isConsole && NumberKeys.Contains(name))
        {
            return $"{word}: a console is always port 0: leave {name}= out";
        }

        if (_isConsole && name == GuestCloseKey)
        {
            return $"{word}: the guest never closes a console: leave {name}= out";
        }

        if (_isConsole && KeptBackKeys.Contains(name))
        {
            return $"{word}: a console is never held back, or the guest's kernel would spin: leave {name}= out";
        }

        if (_chardev is null && ChardevKeys.Contains(name))
        {
            return $"{name} belongs to what serves the port: it goes after char= or service=";
        }

        IEnumerable<string> known = _keys.Concat(_chardev?.Keys ?? []).Concat(ServiceKeys).Distinct();
        return $"unknown option {name}: {Spelling.Hint(name, [.. known])}";
    }
}
