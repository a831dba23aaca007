using Microsoft.Extensions.Logging;
using VmChannel.Device.Loop;
using VmChannel.Device.Ports;
using VmChannel.Device.UsbIp;
using VmChannel.Device.UsbRedir;
using VmChannel.Device.UsbSerial;
using VmChannel.Device.VirtioSerial;

namespace VmChannel.Cli.Serve;

/// <summary>A VM's USB serial adapters and the places they are fetched from. Loop thread only.</summary>
/// <remarks>A place whose peer is connected outlives its adapter, so that the next one of this name is plugged in on the same connection.</remarks>
/// <param name="vm">The VM's name: serial numbers depend on it.</param>
/// <param name="plan">Where they are fetched from; null = this VM has none.</param>
/// <param name="loop">Serves them.</param>
/// <param name="stallAfter">How long bytes of a port wait without moving before the port counts as stalled.</param>
/// <param name="log">For all parts.</param>
internal sealed class UsbAdapters(string vm, UsbPlan? plan, DeviceLoop loop, TimeSpan stallAfter, ILoggerFactory log) : IDisposable
{
    private readonly Dictionary<UsbRedirEndpoint, UsbRedirServer> _places = [];
    private readonly UsbIpServer? _exports = plan?.UsbIp is { } endpoint ? new(loop, endpoint, log.CreateLogger<UsbIpServer>()) : null;
    private bool _isStarted;

    /// <summary>A peer is there.</summary>
    public bool IsConnected => _exports is { IsConnected: true } || _places.Values.Any(place => place.IsConnected);

    /// <summary>Takes the address for USB/IP clients; nobody is served yet.</summary>
    /// <exception cref="IOException">It is taken; the message says what to do.</exception>
    public void Reserve() => _exports?.Reserve();

    /// <summary>Lets peers in.</summary>
    /// <exception cref="IOException">A place cannot be had; the message says what to do.</exception>
    public void Start()
    {
        _isStarted = true;
        _exports?.Start();
        if (plan?.Single is { } single)
        {
            _ = Place(single);
        }

        foreach (UsbRedirServer place in _places.Values)
        {
            place.Start();
        }
    }

    /// <summary>Makes a port an adapter.</summary>
    /// <exception cref="PlugException">There is no place for it.</exception>
    /// <exception cref="IOException">Its socket cannot be had; the message says what to do.</exception>
    public void Plug(Port port)
    {
        string protocol = port.Spec.Protocol!;
        if (plan is null)
        {
            throw new PlugException($"{port.Spec} cannot be plugged in: this VM's USB adapters have no socket; restart it with --usbredir-dir DIR or --usbip ADDRESS:PORT");
        }

        UsbSerialAdapter NewAdapter() => new(port, UsbSerialAdapter.SerialOf(vm, protocol), loop, stallAfter);
        if (_exports is not null)
        {
            _exports.Plug(NewAdapter());
            return;
        }

        if (!plan.TryFind(protocol, out UsbRedirEndpoint? endpoint, out string? reason))
        {
            throw new PlugException($"{port.Spec} cannot be plugged in: its socket {plan.PathOf(protocol)} {reason}; choose a shorter --usbredir-dir");
        }

        bool isNew = !_places.TryGetValue(endpoint, out UsbRedirServer? place);
        place ??= Place(endpoint);
        if (place.Adapter is { } other)
        {
            throw new PlugException($"{port.Spec} cannot be plugged in: {endpoint} has {other.Port.Spec} already; give each adapter a socket with --usbredir-dir DIR");
        }

        if (isNew && _isStarted)
        {
            try
            {
                place.Start();
            }
            catch (IOException)
            {
                Close(place);
                throw;
            }
        }

        place.Plug(NewAdapter());
    }

    /// <summary>Takes an adapter out. The port is the caller's.</summary>
    public void Unplug(int number)
    {
        const string Cause = "it was unplugged";
        if (_exports?.Unplug(number, Cause) != true && Find(number) is { } place)
        {
            place.Unplug(Cause);
            CloseUnused(place);
        }
    }

    /// <summary>What was written to the port has been delivered, whether or not it is still open.</summary>
    public bool IsDelivered(int number) => (_exports?.Find(number) ?? Find(number)?.Adapter) is not { IsDrained: false };

    public void Dispose()
    {
        _exports?.Dispose();
        foreach (UsbRedirServer place in _places.Values)
        {
            place.Dispose();
        }

        _places.Clear();
    }

    private UsbRedirServer Place(UsbRedirEndpoint endpoint)
    {
        if (!_places.TryGetValue(endpoint, out UsbRedirServer? place))
        {
            place = new UsbRedirServer(loop, endpoint, log.CreateLogger<UsbRedirServer>());
            place.PeerLeft = () => CloseUnused(place);
            _places.Add(endpoint, place);
        }

        return place;
    }

    private UsbRedirServer? Find(int number) => _places.Values.FirstOrDefault(place => place.Adapter?.Port.Spec.Number == number);

    private void CloseUnused(UsbRedirServer place)
    {
        if (plan?.Single is null && place is { Adapter: null, IsConnected: false })
        {
            Close(place);
        }
    }

    private void Close(UsbRedirServer place)
    {
        _ = _places.Remove(place.Endpoint);
        place.Dispose();
    }
}
