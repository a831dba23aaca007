using System.CommandLine;
using System.Globalization;
using VmChannel.Cli.CommandLine;
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

    public void AddTo(Command command)
    {
        command.Add(_listen);
        command.Add(_connect);
        command.Add(_descriptor);
    }

    /// <summary>Reads them; null when there is none.</summary>
    /// <exception cref="UsageException">More than one, or not a socket's name.</exception>
    public VhostUserEndpoint? TryRead(ParseResult parsed)
    {
        string? listen = parsed.GetValue(_listen);
        string? connect = parsed.GetValue(_connect);
        string? descriptor = parsed.GetValue(_descriptor);
        return (listen, connect, descriptor) switch
        {
            (null, null, null) => null,
            (string path, null, null) => Listen(path, out string? error) ?? throw new UsageException($"--vhost-user {path}: {error}"),
            (null, string path, null) => Connect(path, out string? error) ?? throw new UsageException($"--connect {path}: {error}"),
            (null, null, string number) => Inherited(number, out string? error) ?? throw new UsageException($"--fd {number}: {error}"),
            _ => throw new UsageException("--vhost-user, --connect and --fd exclude each other: give one"),
        };
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
