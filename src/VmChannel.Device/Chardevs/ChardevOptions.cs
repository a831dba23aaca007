using System.Diagnostics.CodeAnalysis;

namespace VmChannel.Device.Chardevs;

/// <summary>Reads a chardev's option string: QEMU's short forms (<c>unix:PATH,server</c>) and its key=value form (<c>socket,path=PATH</c>).</summary>
/// <remarks>Nothing is opened, and nothing looked up but the names after <c>allow=</c>. Errors are the rest of a line that begins with where the option was given.</remarks>
public sealed class ChardevOptions
{
    private readonly ChardevBackend _backend;
    private readonly Dictionary<string, string> _values = [];

    private ChardevOptions(ChardevBackend backend) => _backend = backend;

    public IReadOnlyList<string> Keys => _backend.Keys;

    /// <summary>How the backend is called in messages.</summary>
    public string Name => _backend.Name;

    /// <summary>Reads a whole option string.</summary>
    /// <param name="text">Such as <c>unix:/run/a.sock,server</c>.</param>
    /// <param name="spec">What it asks for.</param>
    /// <param name="error">What is wrong with it and what to do.</param>
    public static bool TryParse(string text, [NotNullWhen(true)] out ChardevSpec? spec, [NotNullWhen(false)] out string? error)
    {
        spec = null;
        List<string> words = OptionWord.Split(text, out error);
        if (error is not null || !TryBegin(words[0], out ChardevOptions? options, out error))
        {
            error ??= "";
            return false;
        }

        foreach (OptionWord word in words.Skip(1).Select(OptionWord.Parse))
        {
            if (!options.TryAdd(word, out error))
            {
                return false;
            }
        }

        return options.TryBuild(out spec, out error);
    }

    /// <summary>Begins with the first word of an option string, which names the backend.</summary>
    public static bool TryBegin(string head, [NotNullWhen(true)] out ChardevOptions? options, [NotNullWhen(false)] out string? error)
    {
        options = null;
        int colon = head.IndexOf(':', StringComparison.Ordinal);
        string name = colon < 0 ? head : head[..colon];
        ChardevBackend? backend = ChardevBackend.Find(name);
        if (backend is null)
        {
            error = name.Length > 0 && name[0] is '/' or '.' or '@'
                ? $"a chardev begins with its kind: unix:{head} for a socket, file:{head} for a file"
                : $"no chardev {name}: {Spelling.Hint(name, ChardevBackend.Names)}";
            return false;
        }

        if (colon >= 0 && backend.Short is null)
        {
            error = $"{name} takes no colon: write {name},key=value";
            return false;
        }

        options = new ChardevOptions(backend);
        if (colon < 0)
        {
            error = null;
            return true;
        }

        error = options.TakeShort(head[(colon + 1)..]);
        return error is null;
    }

    /// <summary>The backend has the key this word sets, and it may still be given.</summary>
    public bool Takes(OptionWord word)
        => _backend.KeyOf(word, out _) is string key && (ChardevBackend.Separator(key) is not null || !_values.ContainsKey(key));

    /// <summary>Takes one more word.</summary>
    public bool TryAdd(OptionWord word, [NotNullWhen(false)] out string? error)
    {
        string? key = _backend.KeyOf(word, out string value);
        if (key is not null && ChardevBackend.Separator(key) is char separator && _values.TryGetValue(key, out string? earlier))
        {
            _values[key] = $"{earlier}{separator}{value}";
            error = null;
            return true;
        }

        error = key is null ? Unknown(word)
            : !_values.TryAdd(key, value) ? $"{_backend.Name}: {key} is given twice"
            : null;
        return error is null;
    }

    /// <summary>Makes the specification of everything given.</summary>
    public bool TryBuild([NotNullWhen(true)] out ChardevSpec? spec, [NotNullWhen(false)] out string? error)
    {
        ChardevValues values = new(_backend.Name, _values);
        spec = _backend.Name switch
        {
            "unix" => SocketOptions.Unix(values),
            "tcp" => SocketOptions.Tcp(values),
            "ws" or "wss" => SocketOptions.WebSocket(values, isSecure: _backend.Name == "wss"),
            "socket" => SocketOptions.Any(values),
            "pty" => new ChardevSpec.Pty(values.OptionalText("path")),
            "file" => new ChardevSpec.OutputFile(values.Text("path", "PATH"), values.Switch("append", false), values.OptionalText("input-path")),
            "pipe" => new ChardevSpec.Pipe(values.Text("path", "PATH")),
            "stdio" => new ChardevSpec.Stdio(values.Switch("signal", true)),
            "fd" => new ChardevSpec.Fd(values.Number("fd", int.MaxValue)),
            _ => new ChardevSpec.Null(),
        };
        error = values.Error;
        spec = error is null ? spec : null;
        return error is null;
    }

    private string? TakeShort(string rest)
    {
        if (rest.Length == 0 && _backend.Name != "pty")
        {
            return $"{_backend.Name}: nothing follows the colon: write {_backend.Name}:{_backend.Short}";
        }

        switch (_backend.Name)
        {
            case "tcp":
                return TakeHostAndPort(rest);
            case "ws" or "wss":
                int slash = rest.IndexOf('/', StringComparison.Ordinal);
                if (slash >= 0)
                {
                    _values["path"] = rest[slash..];
                }

                return TakeHostAndPort(slash < 0 ? rest : rest[..slash]);
            case "unix" when rest[0] == '@':
                _values["path"] = rest[1..];
                _values["abstract"] = "on";
                return null;
            case "fd":
                _values["fd"] = rest;
                return null;
            default:
                if (rest.Length > 0)
                {
                    _values["path"] = rest;
                }

                return null;
        }
    }

    private string? TakeHostAndPort(string rest)
    {
        int colon = rest.LastIndexOf(':');
        string host = colon < 0 ? rest : rest[..colon];
        if (colon < 0)
        {
            return $"{Name}:{rest}: the port is missing: write {Name}:{_backend.Short}";
        }

        bool isBracketed = host.StartsWith('[') && host.EndsWith(']');
        if (!isBracketed && host.Contains(':', StringComparison.Ordinal))
        {
            return $"{Name}:{rest}: an IPv6 address goes into brackets: write {Name}:[::1]:4444";
        }

        _values["host"] = isBracketed ? host[1..^1] : host;
        _values["port"] = rest[(colon + 1)..];
        return null;
    }

    private string Unknown(OptionWord word)
        => word.Key is null && _backend.TextKeys.Contains(word.Value)
            ? $"{_backend.Name}: {word.Value} needs a value: write {word.Value}=…"
            : $"{_backend.Name}: unknown option {word.Key ?? word.Value}: {Spelling.Hint(word.Key ?? word.Value, Keys)}";
}
