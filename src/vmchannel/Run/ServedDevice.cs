using System.Net.Sockets;
using VmChannel.Cli.Client;
using VmChannel.Cli.CommandLine;
using VmChannel.Cli.Serve;
using VmChannel.Control;
using VmChannel.Native;
using Carrier = VmChannel.Device.Ports.PortTransport;

namespace VmChannel.Cli.Run;

/// <summary>The device of a VM that another process serves. The run's own ports are plugged in there by its control API.</summary>
internal sealed class ServedDevice : IRunDevice
{
    private const int CopyBytes = 64 * 1024;
    private static readonly TimeSpan LookAgain = TimeSpan.FromMilliseconds(20);
    private static readonly string[] Outputs = [RunPorts.Output, RunPorts.Error];

    private readonly ControlClient _client;
    private readonly string _vm;
    private readonly UsbPlan? _usb;
    private readonly List<string> _plugged = [];
    private readonly List<Task> _copies = [];
    private readonly WakeableInput _input = new();
    private readonly TaskCompletionSource _lost = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private Task _inputCopy = Task.CompletedTask;
    private volatile bool _isOver;

    private ServedDevice(VmTarget target, VmInfo info, UsbPlan? usb, IReadOnlyList<string> channels)
    {
        _client = target.Client;
        _vm = target.Vm;
        _usb = usb;
        Socket = usb?.Folder ?? info.Endpoint;
        MaxPorts = info.MaxPorts;
        Channels = channels;
    }

    public string Socket { get; }

    public IReadOnlyList<string> Adapters => _usb is null ? [] : [.. Channels.Concat(_plugged).Select(_usb.PathOf)];

    public int MaxPorts { get; }

    public IReadOnlyList<string> Channels { get; }

    public RunControl Control { get; private set; } = null!;

    /// <summary>Plugs the run's ports in.</summary>
    /// <param name="target">The VM.</param>
    /// <param name="carrier">Which of the VM's ports the guest is to have, and what carries the run's.</param>
    /// <param name="folder">For their sockets.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <exception cref="RunException">The VM has a VMM already, or none can connect to it.</exception>
    /// <exception cref="ControlException">Its server refuses.</exception>
    public static async Task<ServedDevice> StartAsync(VmTarget target, Carrier carrier, PrivateFolder folder, CancellationToken cancellationToken)
    {
        VmInfo info = await target.Client.GetVmAsync(target.Vm, cancellationToken);
        if (info.FrontEnd is string other)
        {
            throw new RunException($"{target.Vm} has a VMM: {other}; a device is one VM's");
        }

        UsbPlan? usb = carrier == Carrier.UsbSerial ? UsbOf(info) : null;
        if (usb is null && !File.Exists(info.Endpoint))
        {
            string way = info.UsbFolder is null ? "serve it with --vhost-user PATH" : "add --transport usb for its adapters";
            throw new RunException($"{target.Vm} is met at {info.Endpoint}, which is no socket here: {way}");
        }

        IReadOnlyList<PortInfo> ports = await target.Client.GetPortsAsync(target.Vm, cancellationToken);
        PortInfo[] left = [.. ports.Where(port => port.Protocol is string name && RunPorts.IsOwn(name))];
        if (Array.Exists(left, port => port.IsHostOpen))
        {
            throw new RunException($"another run uses {target.Vm} already: wait for its end");
        }

        // A run that was killed could not take its ports out.
        IEnumerable<PortInfo> carried = ports.Except(left).Where(port => port.Transport == PortTransport.UsbSerial == usb is not null);
        ServedDevice device = new(target, info, usb, [.. carried.Select(port => port.Protocol).OfType<string>()]);
        device._plugged.AddRange(left.Select(port => port.Protocol!));
        try
        {
            await device.UnplugAsync();
            device.Control = new RunControl(await device.PlugAsync(RunPorts.Control, "hold", folder, cancellationToken));
            device._inputCopy = device.SendInputAsync(await device.PlugAsync(RunPorts.Input, "hold", folder, cancellationToken));
            device._copies.Add(device.CopyOutputAsync(
                await device.PlugAsync(RunPorts.Output, "discard", folder, cancellationToken), StandardStream.WriteOutput));
            device._copies.Add(device.CopyOutputAsync(
                await device.PlugAsync(RunPorts.Error, "discard", folder, cancellationToken), StandardStream.WriteError));
            return device;
        }
        catch
        {
            await device.DisposeAsync();
            throw;
        }
    }

    /// <summary>The served VM's console has a terminal of its own, or none.</summary>
    public void Resize(TerminalSize size)
    {
    }

    public async Task DrainAsync(TimeSpan patience, CancellationToken cancellationToken)
    {
        foreach (string name in Outputs)
        {
            while (await _client.GetPortAsync(_vm, name, cancellationToken) is { IsGuestOpen: true } or { IsDraining: true })
            {
                await Task.Delay(LookAgain, cancellationToken);
            }
        }

        // The sockets of ports that are gone end after their last byte.
        await UnplugAsync();
        await Task.WhenAll(_copies);
    }

    public Task OutputLostAsync(CancellationToken cancellationToken) => _lost.Task.WaitAsync(cancellationToken);

    public async ValueTask DisposeAsync()
    {
        Control?.Dispose();
        await UnplugAsync();
        _isOver = true;
        _input.Wake();
        await _inputCopy;
        _input.Dispose();
        _client.Dispose();
    }

    /// <summary>Where the guest's adapters are fetched.</summary>
    /// <exception cref="RunException">They are not, or not all at once.</exception>
    private static UsbPlan UsbOf(VmInfo info)
        => info.UsbFolder is not string folder
            ? throw new RunException($"{info.Name} has no folder with a socket for each USB adapter: serve it with --usbredir-dir DIR")
            : Directory.Exists(folder)
                ? new(null, folder)
                : throw new RunException($"{info.Name}'s USB adapters are in {folder}, which is no folder here: run where they are served");

    private async Task<NetworkStream> PlugAsync(string name, string onDisconnect, PrivateFolder folder, CancellationToken cancellationToken)
    {
        string path = folder.File($"{name}.sock");
        _ = await _client.PlugAsync(
            _vm,
            $"transport={(_usb is null ? "virtio" : "usb")},protocol={name},on-disconnect={onDisconnect},char=unix:{path.Replace(",", ",,", StringComparison.Ordinal)},server",
            cancellationToken);
        _plugged.Add(name);
        Socket socket = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            await socket.ConnectAsync(new UnixDomainSocketEndPoint(path), cancellationToken);
            return new NetworkStream(socket, ownsSocket: true);
        }
        catch (SocketException e)
        {
            socket.Dispose();
            throw new RunException($"{path}: cannot connect to what {_vm}'s server has made there: {e.Message}");
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    private async Task UnplugAsync()
    {
        while (_plugged.Count > 0)
        {
            string name = _plugged[^1];
            _plugged.RemoveAt(_plugged.Count - 1);
            try
            {
                _ = await _client.UnplugAsync(_vm, name);
            }
            catch (ControlException)
            {
                // Somebody else took it out, or the server has ended.
            }
        }
    }

    private async Task SendInputAsync(NetworkStream guest)
    {
        byte[] buffer = new byte[CopyBytes];
        await using (guest)
        {
            try
            {
                while (!_isOver && await _input.ReadAsync(buffer, Timeout.InfiniteTimeSpan) is int count and not 0)
                {
                    await guest.WriteAsync(buffer.AsMemory(0, Math.Max(count, 0)));
                }
            }
            catch (IOException)
            {
                // The guest is gone, and nobody reads it any more.
            }
        }
    }

    private async Task CopyOutputAsync(NetworkStream guest, StreamWriter write)
    {
        byte[] buffer = new byte[CopyBytes];
        await using (guest)
        {
            while (await guest.ReadAsync(buffer) is int count and > 0)
            {
                if (!await Task.Run(() => write(buffer.AsSpan(0, count))))
                {
                    _ = _lost.TrySetResult();
                    return;
                }
            }
        }
    }

    /// <summary>Writes all, or returns false: nobody reads.</summary>
    private delegate bool StreamWriter(ReadOnlySpan<byte> bytes);
}
