using VmChannel.Cli.Serve;
using VmChannel.Device;
using VmChannel.Device.Options;
using VmChannel.Device.Ports;
using VmChannel.Device.Services;
using VmChannel.Device.UsbIp;
using VmChannel.Device.UsbRedir;
using VmChannel.Device.VirtioSerial;

namespace VmChannel.Cli.Config;

/// <summary>Reads one <c>[vm.NAME]</c>.</summary>
internal sealed class VmSection
{
    private static readonly string[] EndpointKeys = ["vhost-user", "connect", "fd", "qmp"];
    private static readonly string[] UsbKeys = ["usbredir", "usbredir-connect", "usbredir-dir", "usbip"];

    private readonly string _name;
    private readonly ConfigTable _table;
    private readonly ConfigClaims _claims;
    private readonly ConfigErrors _errors;
    private readonly ConfigSection _section;

    public VmSection(string name, ConfigTable table, ConfigClaims claims, ConfigErrors errors)
    {
        _name = name;
        _table = table;
        _claims = claims;
        _errors = errors;
        _section = new ConfigSection(table, $"[vm.{name}]", errors);
    }

    /// <summary>What it asks for; null after an error that leaves nothing to go on with.</summary>
    public VmConfig? Read()
    {
        UsbPlan? usb = ReadUsb();
        bool hasDevice = !UsbKeys.Any(_section.Has) || EndpointKeys.Any(_section.Has);
        VmEndpoint? endpoint = hasDevice ? ReadEndpoint() : null;
        VirtioSerialSettings settings = ReadSettings();
        bool offersInBand = _section.Switch("in-band-notifications", false);
        List<PortConfig> ports = ReadPorts(settings, hasDevice, usb);
        _section.RefuseOthers();
        if ((hasDevice && endpoint is null) || (usb is null && UsbKeys.Any(_section.Has)))
        {
            return null;
        }

        PortPlan[] plans = [.. ports.Select(port => port.Plan).OrderBy(plan => plan.Spec.Number)];
        return new(_errors.At(_table.Line), new VmPlan(_name, new DevicePlan(settings, plans), endpoint, offersInBand) { Usb = usb }, ports);
    }

    /// <summary>Where its USB adapters are fetched; null when that is not said, or after an error.</summary>
    private UsbPlan? ReadUsb()
    {
        string? listen = _section.Text("usbredir");
        string? connect = _section.Text("usbredir-connect");
        string? folder = _section.Text("usbredir-dir");
        string? usbIp = _section.Text("usbip");
        bool isOpen = _section.Switch("usbip-open", false);
        string[] given = [.. UsbKeys.Where(_section.Has)];
        if (isOpen && !_section.Has("usbip"))
        {
            _errors.Add(_section.LineOf("usbip-open"), "usbip-open is for usbip: give both");
        }

        if (given.Length > 1)
        {
            _errors.Add(_section.LineOf(given[1]), $"{string.Join(" and ", given)} exclude each other: give one");
            return null;
        }

        if (folder is not null)
        {
            return new(null, folder);
        }

        if ((listen ?? connect ?? usbIp) is not string text)
        {
            return null;
        }

        int line = _section.LineOf(given[0]);
        if (usbIp is not null)
        {
            return ReadUsbIp(usbIp, isOpen, line);
        }

        if (!UsbRedirEndpoint.TryParse(text, connect is not null, out UsbRedirEndpoint? place, out string? reason))
        {
            _errors.Add(line, $"{given[0]} = {text}: the address {reason}");
            return null;
        }

        _claims.Usb(place, line, $"vm.{_name}");
        return new(place, null);
    }

    private UsbPlan? ReadUsbIp(string text, bool isOpen, int line)
    {
        if (!UsbIpEndpoint.TryParse(text, isOpen, out UsbIpEndpoint? endpoint, out string? reason))
        {
            _errors.Add(line, $"usbip = {text}: the address {reason.Replace("--usbip-open", "usbip-open = true", StringComparison.Ordinal)}");
            return null;
        }

        _claims.UsbIp(endpoint, line, $"vm.{_name}");
        return new(null, null) { UsbIp = endpoint };
    }

    private VmEndpoint? ReadEndpoint()
    {
        string? listen = _section.Text("vhost-user");
        string? connect = _section.Text("connect");
        string? descriptor = _section.Word("fd");
        string? monitor = _section.Text("qmp");
        bool leavesPorts = _section.Switch("leave-ports", false);
        string[] given = [.. EndpointKeys.Where(_section.Has)];
        if (given.Length != 1)
        {
            _errors.Add(
                given.Length == 0 ? _table.Line : _section.LineOf(given[1]),
                given.Length == 0
                    ? $"vm.{_name} does not say where its VMM is met: add vhost-user = \"PATH\""
                    : $"{string.Join(" and ", given)} exclude each other: give one");
            return null;
        }

        string key = given[0];
        if (leavesPorts && key != "qmp")
        {
            _errors.Add(_section.LineOf("leave-ports"), "leave-ports is about the ports that qmp = \"PATH\" plugs into QEMU");
        }

        if ((listen ?? connect ?? descriptor ?? monitor) is not string value)
        {
            return null;
        }

        string? error;
        VmEndpoint? endpoint = key switch
        {
            "vhost-user" => EndpointOptions.Listen(value, out error),
            "connect" => EndpointOptions.Connect(value, out error),
            "qmp" => EndpointOptions.Monitor(value, leavesPorts, out error),
            _ => EndpointOptions.Inherited(value, out error),
        };
        if (endpoint is null)
        {
            _errors.Add(_section.LineOf(key), $"{key} = {value}: {error}");
            return null;
        }

        _claims.Endpoint(endpoint, _section.LineOf(key), $"vm.{_name}");
        return endpoint;
    }

    private VirtioSerialSettings ReadSettings()
    {
        int maxPorts = VirtioSerialSettings.DefaultMaxPorts;
        if (_section.Word("max-ports") is string number && !DeviceOptions.TryParseMaxPorts(number, out maxPorts, out string? error))
        {
            _errors.Add(_section.LineOf("max-ports"), $"max-ports = {number}: {error}");
            maxPorts = VirtioSerialSettings.DefaultMaxPorts;
        }

        bool columnsFirst = true;
        if (_section.Text("resize-order") is string order && !DeviceOptions.TryParseResizeOrder(order, out columnsFirst, out error))
        {
            _errors.Add(_section.LineOf("resize-order"), $"resize-order = {order}: {error}");
        }

        return new(maxPorts, columnsFirst, _section.Switch("wake-nudge", true));
    }

    private List<PortConfig> ReadPorts(VirtioSerialSettings settings, bool hasDevice, UsbPlan? usb)
    {
        List<(PortRequest Request, PortSection Section)> requests = [];
        switch (_section.Value("console"))
        {
            case null or ConfigValue.Scalar { Type: ScalarType.Truth, Text: "off" }:
                break;
            case ConfigValue.Scalar { Type: ScalarType.Truth } console:
                AddTo(requests, new PortSection(new ConfigTable(console.Line, TableOrigin.Inline), isConsole: true, _errors));
                break;
            case ConfigValue.Table console:
                AddTo(requests, new PortSection(console.Entries, isConsole: true, _errors));
                break;
            case ConfigValue other:
                _errors.Add(other.Line, $"console is {other.Kind}: write console = {{ char = \"pty\" }}, or true for this terminal");
                break;
        }

        foreach (ConfigTable port in _section.Sequence("port", $"[[vm.{_name}.port]]"))
        {
            AddTo(requests, new PortSection(port, isConsole: false, _errors));
        }

        bool hasAdapter = false;
        foreach ((PortRequest request, PortSection section) in requests)
        {
            bool isUsb = request.Transport == PortTransport.UsbSerial;
            string? error = !isUsb ? hasDevice ? null : $"vm.{_name} has no virtio-serial device: write transport = \"usb\", or vhost-user = \"PATH\" in [vm.{_name}]"
                : usb is null && !UsbKeys.Any(_section.Has) ? $"vm.{_name} does not say where its USB adapters are fetched: add usbredir-dir = \"DIR\""
                : usb?.Single is not null && hasAdapter ? $"{usb.Single} carries one USB adapter: use usbredir-dir = \"DIR\""
                : null;
            hasAdapter |= isUsb;
            if (error is not null)
            {
                _errors.Add(section.LineOf("transport"), error);
            }
            else if (isUsb && usb?.Folder is not null)
            {
                _claims.Socket(usb.PathOf(request.Protocol!.Value.Text), section.Line, $"{request.Protocol} of vm.{_name}");
            }
        }

        return Place(requests, settings);
    }

    private static void AddTo(List<(PortRequest Request, PortSection Section)> requests, PortSection section)
    {
        if (section.Read() is PortRequest request)
        {
            requests.Add((request, section));
        }
    }

    /// <summary>Gives each port its number, those with a wish first.</summary>
    private List<PortConfig> Place(List<(PortRequest Request, PortSection Section)> requests, VirtioSerialSettings settings)
    {
        PortTable table = new(settings.MaxPorts, ServiceCatalog.All);
        List<PortConfig> ports = [];
        foreach ((PortRequest request, PortSection section) in requests.OrderBy(asked => asked.Request.Number is null && !asked.Request.IsConsole))
        {
            if (!table.TryAdd(request, out PortPlan? plan, out string? error))
            {
                _errors.Add(section.Line, error[(request.Origin.Length + 2)..]);
            }
            else if (plan.Service is not null && ServiceCatalog.FindGap(plan.Service, plan.ServiceOptions) is string gap)
            {
                _errors.Add(section.Line, gap);
            }
            else
            {
                Claim(request, section);
                ports.Add(new(request, plan));
            }
        }

        return ports;
    }

    private void Claim(PortRequest request, PortSection section)
    {
        string owner = request.Protocol is null ? $"the console of vm.{_name}" : $"{request.Protocol} of vm.{_name}";
        if (request.Chardev is not null)
        {
            _claims.Chardev(request.Chardev, section.LineOf("char"), owner);
        }

        if (request.LogFile is not null)
        {
            _claims.File(request.LogFile.Path, section.LineOf("logfile"), owner);
        }

        if (request.Service == "log")
        {
            _claims.File(request.ServiceOptions["path"], section.LineOf("path"), owner);
        }
    }
}
