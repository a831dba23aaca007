using System.Diagnostics.CodeAnalysis;
using VmChannel.Device.Channels;
using VmChannel.Device.Chardevs;
using VmChannel.Device.Ports;
using VmChannel.Device.Services;
using VmChannel.Wire;

namespace VmChannel.Device.Options;

/// <summary>Which numbers and names of one device are taken. Gives new ports theirs, or says why not.</summary>
public sealed class PortTable
{
    private readonly int _maxPorts;
    private readonly IReadOnlyList<ServiceSpec> _services;
    private readonly SortedDictionary<int, PortPlan> _plans = [];

    /// <param name="maxPorts">Ports the device has room for, the console's included: numbers are below it.</param>
    /// <param name="services">The services that are built in.</param>
    /// <param name="plans">Ports that have their numbers already.</param>
    public PortTable(int maxPorts, IReadOnlyList<ServiceSpec> services, IReadOnlyCollection<PortPlan>? plans = null)
    {
        _maxPorts = maxPorts;
        _services = services;
        foreach (PortPlan plan in plans ?? [])
        {
            _plans.Add(plan.Spec.Number, plan);
        }
    }

    /// <summary>By number.</summary>
    public IReadOnlyCollection<PortPlan> Plans => _plans.Values;

    /// <summary>Adds all or stops at the first that cannot be. Ports with a number go first, so that no other takes it.</summary>
    public bool TryAddAll(IEnumerable<PortRequest> requests, [NotNullWhen(false)] out string? error)
    {
        error = null;
        foreach (PortRequest request in requests.OrderBy(request => request.Number is null && !request.IsConsole))
        {
            if (!TryAdd(request, out _, out error))
            {
                return false;
            }
        }

        return true;
    }

    /// <summary>Gives a port its number and its place.</summary>
    /// <param name="request">What is asked for.</param>
    /// <param name="plan">The port, which is in the table from here on.</param>
    /// <param name="error">One line for people: where, what is wrong, what to do.</param>
    public bool TryAdd(PortRequest request, [NotNullWhen(true)] out PortPlan? plan, [NotNullWhen(false)] out string? error)
    {
        plan = null;
        string? service = FindService(request);
        error = FindNumber(request, out int number) ?? FindNameConflict(request)
            ?? FindConflict(request.Chardev, request.LogFile, _plans.Values) ?? (request.Chardev is null && service is null ? NoService(request) : null)
            ?? FindUnpaired(request.OnGuestClose, request.OnDisconnect, request.Limits.Access, request.Chardev, service);
        if (error is not null)
        {
            error = $"{request.Origin}: {error}";
            return false;
        }

        PortSpec spec = new(number, request.Protocol?.Text, request.IsConsole, request.OnDisconnect)
        {
            OnGuestClose = request.OnGuestClose,
            Transport = request.Transport,
            Adapter = request.Adapter,
            Limits = request.Limits,
            LogFile = request.LogFile,
        };
        plan = new(spec, request.Origin, request.Chardev, service, request.ServiceOptions);
        _plans.Add(number, plan);
        return true;
    }

    /// <summary>Puts a changed plan in the place of the one with its number and name.</summary>
    /// <param name="changed">The port as it is to be.</param>
    /// <param name="error">One line for people: which port, what is wrong, what to do.</param>
    /// <exception cref="ArgumentException">No port of this number and name is in the table.</exception>
    public bool TryReplace(PortPlan changed, [NotNullWhen(false)] out string? error)
    {
        if (!_plans.TryGetValue(changed.Spec.Number, out PortPlan? current) || (current.DifferenceTo(changed) & PortDifference.Identity) != 0)
        {
            throw new ArgumentException($"{changed.Spec} is not in the table", nameof(changed));
        }

        error = FindConflict(changed.Chardev, changed.Spec.LogFile, _plans.Values.Where(plan => plan != current))
            ?? FindUnpaired(changed.Spec.OnGuestClose, changed.Spec.OnDisconnect, changed.Spec.Limits.Access, changed.Chardev, changed.Service);
        if (error is not null)
        {
            error = $"{changed.Spec}: {error}";
            return false;
        }

        _plans[changed.Spec.Number] = changed;
        return true;
    }

    /// <summary>Frees a port's number and name.</summary>
    public bool Remove(int number) => _plans.Remove(number);

    private string? FindNumber(PortRequest request, out int number)
    {
        number = request.Number ?? 0;
        if (request.IsConsole)
        {
            return _plans.ContainsKey(0) ? "there is a console already: a device has one" : null;
        }

        if (request.Number is null)
        {
            number = Enumerable.Range(1, Math.Max(0, _maxPorts - 1)).FirstOrDefault(free => !_plans.ContainsKey(free));
            return number == 0 ? $"no port number is free: {Limit()}" : null;
        }

        return number == 0 ? "port 0 is the console's (-virtconsole): choose a number from 1 on, or leave port= out"
            : number >= _maxPorts ? $"port {number} is beyond the limit: {Limit()}"
            : _plans.TryGetValue(number, out PortPlan? other) ? $"port {number} is taken by {other.Origin}: choose another number, or leave port= out"
            : null;
    }

    private string Limit()
        => $"--max-ports {_maxPorts} leaves numbers 1 to {_maxPorts - 1} (a front-end carries at most 127 with QEMU, 31 with UML)";

    private string? FindNameConflict(PortRequest request)
    {
        if (request.Protocol is not ProtocolName name)
        {
            return null;
        }

        foreach (PortPlan plan in _plans.Values)
        {
            if (!ProtocolName.TryParse(plan.Spec.Protocol, out ProtocolName other, out _) || !name.ConflictsWith(other))
            {
                continue;
            }

            return name == other
                ? $"the name {name} is taken by port {plan.Spec.Number}: every channel of a device needs its own"
                : $"the names {name} and {other} (port {plan.Spec.Number}) cannot be side by side: "
                    + $"/dev/vmchannel/{(name.IsAncestorOf(other) ? name : other).ToPath()} would be a file and a folder; choose another name";
        }

        return null;
    }

    /// <summary>Something that only one port can have is another's.</summary>
    private static string? FindConflict(ChardevSpec? chardev, LogFileSpec? logFile, IEnumerable<PortPlan> others)
    {
        foreach (PortPlan other in others)
        {
            if (chardev is ChardevSpec.Stdio && other.Chardev is ChardevSpec.Stdio)
            {
                return $"stdio already serves {other.Spec}: there is only one";
            }

            if (logFile is not null && (IsSameFile(logFile.Path, other.Spec.LogFile?.Path) || IsSameFile(logFile.Path, (other.Chardev as ChardevSpec.OutputFile)?.Path)))
            {
                return $"logfile={logFile.Path} is written for {other.Spec} already: every port needs its own";
            }

            if (chardev is ChardevSpec.OutputFile file && IsSameFile(file.Path, other.Spec.LogFile?.Path))
            {
                return $"file:{file.Path} is the logfile of {other.Spec}: choose another file";
            }
        }

        return chardev is ChardevSpec.OutputFile own && IsSameFile(own.Path, logFile?.Path)
            ? $"logfile={own.Path} is the chardev's own file: choose another"
            : null;
    }

    /// <summary>Why openings in the guest cannot have connections of their own.</summary>
    private static string? FindUnpaired(
        GuestClosePolicy policy, DisconnectPolicy onDisconnect, PortAccess access, ChardevSpec? chardev, string? service)
    {
        const string What = "on-guest-close=disconnect";
        return policy == GuestClosePolicy.Keep ? null
            : chardev is null ? $"{What} ends a connection, and the service {service} has none: it begins anew with each opening by itself; leave the word out"
            : chardev is not (ChardevSpec.Unix or ChardevSpec.Tcp) ? $"{What} ends a connection, and {chardev} has none: it is for unix, tcp and ws; leave the word out"
            : chardev is ChardevSpec.Unix { IsServer: false, Reconnect: null } or ChardevSpec.Tcp { IsServer: false, Reconnect: null }
                ? $"{What} ends the connection to {chardev}, and nothing would begin another: add reconnect-ms=1000"
            : onDisconnect == DisconnectPolicy.Discard ? $"{What} does not go with on-disconnect=discard: the guest would not see that its client has left; give one of them"
            : access == PortAccess.WriteOnly ? $"{What} does not go with writeonly: the guest would not see that its client has left; give one of them"
            : null;
    }

    private static bool IsSameFile(string path, string? other) => other is not null && Path.GetFullPath(path) == Path.GetFullPath(other);

    private string? FindService(PortRequest request)
        => request.Chardev is not null ? null
            : request.Service ?? _services.FirstOrDefault(known => request.Protocol is { } asked && known.Protocols.Contains(asked.Text))?.Name;

    private string NoService(PortRequest request)
    {
        string builtIn = string.Join(", ", _services.SelectMany(known => known.Protocols));
        string named = string.Join(", ", _services.Select(known => known.Name));
        return $"{request.Protocol} is not built in (built in: {(builtIn.Length == 0 ? "none" : builtIn)}): "
            + $"add char=unix:PATH,server or another chardev, or service= with one of {named}";
    }
}
