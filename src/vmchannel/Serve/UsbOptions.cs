using System.CommandLine;
using VmChannel.Cli.CommandLine;
using VmChannel.Device.UsbRedir;

namespace VmChannel.Cli.Serve;

/// <summary>The options that say where a VMM fetches USB adapters: at most one of them.</summary>
internal sealed class UsbOptions
{
    private readonly Option<string> _listen = new("--usbredir")
    {
        HelpName = "PATH|tcp:ADDRESS:PORT",
        Description = "listen here for the VMM that fetches the one -usbserial",
    };

    private readonly Option<string> _connect = new("--usbredir-connect")
    {
        HelpName = "PATH|tcp:ADDRESS:PORT",
        Description = "connect to here, where the VMM that fetches the one -usbserial listens",
    };

    private readonly Option<string> _folder = new("--usbredir-dir")
    {
        HelpName = "DIR",
        Description = "listen on DIR/NAME.sock for each -usbserial",
    };

    public void AddTo(Command command)
    {
        command.Add(_listen);
        command.Add(_connect);
        command.Add(_folder);
    }

    /// <summary>Reads them; null when there is none.</summary>
    /// <exception cref="UsageException">More than one, or no address.</exception>
    public UsbPlan? TryRead(ParseResult parsed)
    {
        string? listen = parsed.GetValue(_listen);
        string? connect = parsed.GetValue(_connect);
        string? folder = parsed.GetValue(_folder);
        return (listen, connect, folder) switch
        {
            (null, null, null) => null,
            (string text, null, null) => new UsbPlan(Endpoint("--usbredir", text, connects: false), null),
            (null, string text, null) => new UsbPlan(Endpoint("--usbredir-connect", text, connects: true), null),
            (null, null, string text) => new UsbPlan(null, text),
            _ => throw new UsageException("--usbredir, --usbredir-connect and --usbredir-dir exclude each other: give one"),
        };
    }

    private static UsbRedirEndpoint Endpoint(string option, string text, bool connects)
        => UsbRedirEndpoint.TryParse(text, connects, out UsbRedirEndpoint? endpoint, out string? reason)
            ? endpoint
            : throw new UsageException($"{option} {text}: {reason}");
}
