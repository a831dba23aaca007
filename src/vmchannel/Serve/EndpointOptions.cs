using System.CommandLine;
using System.Globalization;
using VmChannel.Cli.CommandLine;
using VmChannel.Device;
using VmChannel.Device.Qmp;
using VmChannel.Device.VhostUser;
using VmChannel.Native;

namespace VmChannel.Cli.Serve;

/// <summary>The options that say where the VMM is met: exactly one of them.</summary>
internal sealed class EndpointOptions
{
    private const string Activated = "systemd:";

    private readonly Option<string> _listen = new("--vhost-user", "--socket-path")
    {
        HelpName = "PATH",
        Description = "listen on this unix socket for the VMM; systemd:NAME is one that systemd opened",
    };

    private readonly Option<string> _connect = new("--connect")
    {
        HelpName = "PATH",
        Description = "connect to this unix socket, on which the VMM listens",
    };

    private readonly Option<string> _descriptor = new("--fd")
    {
        HelpName = "N",
        Description = "use this inherited socket, connected or listening",
    };

    private readonly Option<string> _monitor = new("--qmp")
    {
        HelpName = "PATH",
        Description = "use the virtio-serial of a running QEMU, whose monitor (-qmp) is this unix socket",
    };

    private readonly Option<bool> _leavesPorts = new("--leave-ports")
    {
        Description = "with --qmp: at the end the ports stay in QEMU, for the next server",
    };

    private readonly Option<string[]> _attach = new("--attach")
    {
        HelpName = "NAME=unix:PATH[,server]",
        Description = "a port the VMM has already: its channel's name, and the socket behind it (repeat it)",
        Arity = ArgumentArity.OneOrMore,
    };

    public void AddTo(Command command)
    {
        command.Add(_listen);
        command.Add(_connect);
        command.Add(_descriptor);
        command.Add(_monitor);
        command.Add(_leavesPorts);
        command.Add(_attach);
    }

    /// <summary>Reads them; null when there is none.</summary>
    /// <exception cref="UsageException">More than one, or not a socket's name.</exception>
    public VmEndpoint? TryRead(ParseResult parsed)
    {
        (string Name, string? Value)[] all =
        [
            ("--vhost-user", parsed.GetValue(_listen)),
            ("--connect", parsed.GetValue(_connect)),
            ("--fd", parsed.GetValue(_descriptor)),
            ("--qmp", parsed.GetValue(_monitor)),
            ("--attach", parsed.GetValue(_attach) is { Length: > 0 } ? "" : null),
        ];
        (string Name, string? Value)[] given = [.. all.Where(one => one.Value is not null)];
        if (given.Length > 1)
        {
            throw new UsageException("--vhost-user, --connect, --fd, --qmp and --attach exclude each other: give one kind");
        }

        bool leaves = parsed.GetValue(_leavesPorts);
        if (leaves && (given.Length == 0 || given[0].Name != "--qmp"))
        {
            throw new UsageException("--leave-ports is about the ports that --qmp plugs into QEMU: add --qmp PATH");
        }

        if (given.Length == 0)
        {
            return null;
        }

        (string name, string value) = (given[0].Name, given[0].Value!);
        if (name == "--attach")
        {
            return Sockets(parsed.GetValue(_attach)!);
        }

        string? error;
        VmEndpoint? endpoint = name switch
        {
            "--vhost-user" => Listen(value, out error),
            "--connect" => Connect(value, out error),
            "--fd" => Inherited(value, out error),
            _ => Monitor(value, leaves, out error),
        };
        return endpoint ?? throw new UsageException($"{name} {value}: {error}");
    }

    /// <summary>Where the VMM connects to.</summary>
    /// <param name="text">A path, or <c>systemd:NAME</c>.</param>
    /// <param name="error">Why there is no such endpoint: the end of a sentence that begins with the text.</param>
    public static VhostUserEndpoint? Listen(string text, out string? error)
    {
        if (!text.StartsWith(Activated, StringComparison.Ordinal))
        {
            return Address(text, out error) is UnixAddress address ? new VhostUserEndpoint.Listen(address) : null;
        }

        string name = text[Activated.Length..];
        error = name.Length == 0 ? "the name is missing: write systemd:NAME, with NAME from FileDescriptorName= of the socket unit" : null;
        return error is null ? new VhostUserEndpoint.Activated(name) : null;
    }

    /// <summary>The socket on which the VMM listens.</summary>
    /// <inheritdoc cref="Listen"/>
    public static VhostUserEndpoint? Connect(string text, out string? error)
        => Address(text, out error) is UnixAddress address ? new VhostUserEndpoint.Connect(address) : null;

    /// <summary>The socket on which QEMU serves its monitor.</summary>
    /// <param name="text">A path.</param>
    /// <param name="leavesPorts">The ports stay in QEMU at the end.</param>
    /// <param name="error">Why there is no such endpoint: the end of a sentence that begins with the text.</param>
    public static QmpEndpoint? Monitor(string text, bool leavesPorts, out string? error)
        => Address(text, out error) is UnixAddress address ? new QmpEndpoint(address, leavesPorts) : null;

    private static SocketsEndpoint Sockets(string[] texts)
    {
        List<PortSocket> sockets = [];
        foreach (string text in texts)
        {
            string[] parts = text.Split('=', 2);
            bool listens = text.EndsWith(",server", StringComparison.Ordinal);
            string place = parts.Length < 2 ? "" : listens ? parts[1][..^",server".Length] : parts[1];
            if (!place.StartsWith("unix:", StringComparison.Ordinal))
            {
                throw new UsageException($"--attach {text}: write NAME=unix:PATH, where the VMM listens, or NAME=unix:PATH,server, where it connects");
            }

            if (sockets.Any(other => other.Protocol == parts[0]))
            {
                throw new UsageException($"--attach {text}: {parts[0]} is given twice");
            }

            UnixAddress address = Address(place["unix:".Length..], out string? error) ?? throw new UsageException($"--attach {text}: {error}");
            sockets.Add(new(parts[0], address, listens));
        }

        return new SocketsEndpoint(sockets);
    }

    /// <summary>A descriptor by its number.</summary>
    /// <inheritdoc cref="Listen"/>
    public static VhostUserEndpoint? Inherited(string text, out string? error)
    {
        bool isNumber = int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out int number);
        error = isNumber ? null : "the number of an open descriptor is needed";
        return isNumber ? new VhostUserEndpoint.Inherited(number) : null;
    }

    private static UnixAddress? Address(string path, out string? error)
    {
        bool isGood = UnixAddress.TryCreate(path, isAbstract: false, isTight: true, out UnixAddress? address, out string? reason);
        error = isGood ? null : $"the path {reason}";
        return address;
    }
}
