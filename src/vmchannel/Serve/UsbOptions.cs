using System.CommandLine;
using VmChannel.Cli.CommandLine;
using VmChannel.Device.UsbIp;
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

    private readonly Option<string> _usbIp = new("--usbip")
    {
        HelpName = "ADDRESS:PORT",
        Description = "listen here for guests that import -usbserial adapters over USB/IP",
    };

    private readonly Option<bool> _usbIpOpen = new("--usbip-open")
    {
        Description = "--usbip may be an address that other machines reach, although USB/IP has neither passwords nor encryption",
    };

    public void AddTo(Command command)
    {
        command.Add(_listen);
        command.Add(_connect);
        command.Add(_folder);
        command.Add(_usbIp);
        command.Add(_usbIpOpen);
    }

    /// <summary>Reads them; null when there is none.</summary>
    /// <exception cref="UsageException">More than one, or no address.</exception>
    public UsbPlan? TryRead(ParseResult parsed)
    {
        string? listen = parsed.GetValue(_listen);
        string? connect = parsed.GetValue(_connect);
        string? folder = parsed.GetValue(_folder);
        string? usbIp = parsed.GetValue(_usbIp);
        bool isOpen = parsed.GetValue(_usbIpOpen);
        if (isOpen && usbIp is null)
        {
            throw new UsageException("--usbip-open is for --usbip: give both");
        }

        return (listen, connect, folder, usbIp) switch
        {
            (null, null, null, null) => null,
            (string text, null, null, null) => new UsbPlan(Endpoint("--usbredir", text, connects: false), null),
            (null, string text, null, null) => new UsbPlan(Endpoint("--usbredir-connect", text, connects: true), null),
            (null, null, string text, null) => new UsbPlan(null, text),
            (null, null, null, string text) => new UsbPlan(null, null) { UsbIp = UsbIp(text, isOpen) },
            _ => throw new UsageException("--usbredir, --usbredir-connect, --usbredir-dir and --usbip exclude each other: give one"),
        };
    }

    private static UsbIpEndpoint UsbIp(string text, bool isOpen)
        => UsbIpEndpoint.TryParse(text, isOpen, out UsbIpEndpoint? endpoint, out string? reason)
            ? endpoint
            : throw new UsageException($"--usbip {text}: {reason}");

    private static UsbRedirEndpoint Endpoint(string option, string text, bool connects)
        => UsbRedirEndpoint.TryParse(text, connects, out UsbRedirEndpoint? endpoint, out string? reason)
            ? endpoint
            : throw new UsageException($"{option} {text}: {reason}");
}
