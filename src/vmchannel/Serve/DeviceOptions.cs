using System.CommandLine;
using System.CommandLine.Parsing;
using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using VmChannel.Cli.CommandLine;
using VmChannel.Device.Options;
using VmChannel.Device.Services;
using VmChannel.Device.VirtioSerial;

namespace VmChannel.Cli.Serve;

/// <summary>The options that describe a device, for every command that makes one.</summary>
internal sealed class DeviceOptions
{
    private readonly Option<string[]> _serial = new("-virtioserial", "--virtioserial")
    {
        HelpName = "OPTIONS",
        Description = "a channel: [port=N,]protocol=NAME[,char=CHARDEV | ,service=NAME][,on-disconnect=hold|discard][,on-guest-close=keep|disconnect]",
        Arity = ArgumentArity.OneOrMore,
    };

    private readonly Option<string[]> _usb = new("-usbserial", "--usbserial")
    {
        HelpName = "OPTIONS",
        Description = "a channel that is a USB serial adapter in the guest: options as for -virtioserial",
        Arity = ArgumentArity.OneOrMore,
    };

    private readonly Option<string[]> _console = new("-virtconsole", "--virtconsole")
    {
        HelpName = "OPTIONS",
        Description = "a console, hvc0 in the guest: [char=CHARDEV]; without one, this terminal",
        Arity = ArgumentArity.ZeroOrMore,
    };

    private readonly Option<string> _maxPorts = new("--max-ports")
    {
        HelpName = "N",
        Description = $"ports the device has room for, the console's included: 1 to {VirtioSerialSettings.MaxMaxPorts} (default {VirtioSerialSettings.DefaultMaxPorts})",
    };

    private readonly Option<string> _resizeOrder = new("--resize-order")
    {
        HelpName = "new|old",
        Description = "order of columns and rows for guests: new = VIRTIO 1.3 and Linux of 2026, old = Linux before 6.15",
    };

    private readonly Option<bool> _noWakeNudge = new("--no-wake-nudge")
    {
        Description = "do not wake writers that Linux's driver forgets",
    };

    public void AddTo(Command command)
    {
        command.Add(_serial);
        command.Add(_usb);
        command.Add(_console);
        command.Add(_maxPorts);
        command.Add(_resizeOrder);
        command.Add(_noWakeNudge);
    }

    /// <summary>The command line names at least one port.</summary>
    public bool HasPorts(ParseResult parsed) => parsed.GetResult(_serial) is not null || parsed.GetResult(_usb) is not null || parsed.GetResult(_console) is not null;

    /// <summary>Reads them, and plans the device.</summary>
    /// <param name="parsed">The command line.</param>
    /// <exception cref="UsageException">One of them makes no sense, or two exclude each other.</exception>
    public DevicePlan Read(ParseResult parsed)
    {
        int maxPorts = ReadMaxPorts(parsed);
        bool columnsFirst = true;
        if (parsed.GetValue(_resizeOrder) is string order && !TryParseResizeOrder(order, out columnsFirst, out string? wrong))
        {
            throw new UsageException($"--resize-order {order}: {wrong}");
        }

        PortTable table = new(maxPorts, ServiceCatalog.All);
        return table.TryAddAll(ReadPorts(parsed), out string? error)
            ? new(new VirtioSerialSettings(maxPorts, columnsFirst, !parsed.GetValue(_noWakeNudge)), table.Plans)
            : throw new UsageException(error);
    }

    /// <summary>The room of a device.</summary>
    /// <param name="text">Such as <c>31</c>.</param>
    /// <param name="maxPorts">Ports it has room for.</param>
    /// <param name="error">What is needed instead.</param>
    public static bool TryParseMaxPorts(string text, out int maxPorts, [NotNullWhen(false)] out string? error)
    {
        error = int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out maxPorts)
            && maxPorts is > 0 and <= VirtioSerialSettings.MaxMaxPorts
            ? null
            : $"a number from 1 to {VirtioSerialSettings.MaxMaxPorts} is needed";
        return error is null;
    }

    /// <summary>Whether columns come before rows: <c>new</c> or <c>old</c>.</summary>
    public static bool TryParseResizeOrder(string text, out bool columnsFirst, [NotNullWhen(false)] out string? error)
    {
        columnsFirst = text != "old";
        error = text is "new" or "old" ? null : "say new or old";
        return error is null;
    }

    private int ReadMaxPorts(ParseResult parsed)
    {
        int maxPorts = VirtioSerialSettings.DefaultMaxPorts;
        return parsed.GetValue(_maxPorts) is not string text || TryParseMaxPorts(text, out maxPorts, out string? error)
            ? maxPorts
            : throw new UsageException($"--max-ports {text}: {error}");
    }

    private List<PortRequest> ReadPorts(ParseResult parsed)
    {
        List<PortRequest> requests = [];
        foreach (string text in parsed.GetValue(_serial) ?? [])
        {
            requests.Add(PortOptions.TryParseSerial(text, ServiceCatalog.All, out PortRequest? request, out string? error)
                ? request
                : throw new UsageException(error));
        }

        foreach (string text in parsed.GetValue(_usb) ?? [])
        {
            requests.Add(PortOptions.TryParseUsb(text, ServiceCatalog.All, out PortRequest? request, out string? error)
                ? request
                : throw new UsageException(error));
        }

        if (parsed.GetResult(_console) is OptionResult { IdentifierTokenCount: > 0 } console)
        {
            if (console.IdentifierTokenCount > 1)
            {
                throw new UsageException("-virtconsole is given twice: a device has one console");
            }

            string text = console.Tokens.Count > 0 ? console.Tokens[0].Value : "";
            requests.Add(PortOptions.TryParseConsole(text, ServiceCatalog.All, out PortRequest? request, out string? error)
                ? request
                : throw new UsageException(error));
        }

        return requests;
    }
}
