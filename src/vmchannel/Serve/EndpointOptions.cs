using System.CommandLine;
using System.Globalization;
using VmChannel.Cli.CommandLine;
using VmChannel.Device.VhostUser;
using VmChannel.Native;

namespace VmChannel.Cli.Serve;

/// <summary>The options that say where the VMM is met: exactly one of them.</summary>
internal sealed class EndpointOptions
{
    private readonly Option<string> _listen = new("--vhost-user", "--socket-path")
    {
        HelpName = "PATH",
        Description = "listen on this unix socket for the VMM",
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
            (string path, null, null) => new VhostUserEndpoint.Listen(Address("--vhost-user", path)),
            (null, string path, null) => new VhostUserEndpoint.Connect(Address("--connect", path)),
            (null, null, string number) => new VhostUserEndpoint.Inherited(Descriptor(number)),
            _ => throw new UsageException("--vhost-user, --connect and --fd exclude each other: give one"),
        };
    }

    private static UnixAddress Address(string option, string path)
        => UnixAddress.TryCreate(path, isAbstract: false, isTight: true, out UnixAddress? address, out string? reason)
            ? address
            : throw new UsageException($"{option} {path}: the path {reason}");

    private static int Descriptor(string text)
        => int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out int number)
            ? number
            : throw new UsageException($"--fd {text}: the number of an open descriptor is needed");
}
