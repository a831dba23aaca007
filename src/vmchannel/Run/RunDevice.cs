using System.Net.Sockets;
using Microsoft.Extensions.Logging;
using VmChannel.Cli.Serve;
using VmChannel.Device.Ports;
using VmChannel.Device.VhostUser;
using VmChannel.Native;
using VmChannel.Wire;

namespace VmChannel.Cli.Run;

/// <summary>The device of one throw-away guest: the user's ports, and those that carry the run itself.</summary>
internal sealed class RunDevice : IRunDevice
{
    private static readonly TimeSpan LookAgain = TimeSpan.FromMilliseconds(2);
    private static readonly TimeSpan LookForLoss = TimeSpan.FromMilliseconds(50);

    private const string Name = "run";

    private static readonly TimeSpan ResizePatience = TimeSpan.FromSeconds(1);

    private readonly Server _server;
    private readonly VmHost _host;
    private readonly CommandStreams? _streams;
    private readonly Port[] _outputs;
    private readonly Port[] _userPorts;

    private RunDevice(Server server, VmHost host, string socket, DevicePlan asked, CommandStreams? streams, RunControl control)
    {
        Socket = socket;
        Adapters = host.Plan.Usb is { } usb ? [.. host.Plan.Device.Ports.Select(port => usb.PathOf(port.Spec.Protocol!))] : [];
        Channels = [.. asked.Ports.Select(port => port.Spec.Protocol).OfType<string>()];
        _server = server;
        _host = host;
        _streams = streams;
        _outputs = [.. new[] { RunPorts.Output, RunPorts.Error }.Select(host.Ports.Find).OfType<ServedPort>().Select(served => served.Port)];
        _userPorts = [.. asked.Ports.Select(port => host.Ports.Find(port.Spec.Protocol!)!.Port)];
        Control = control;
        MaxPorts = host.Plan.Device.Settings.MaxPorts;
    }

    public string Socket { get; }

    public IReadOnlyList<string> Adapters { get; }

    public IReadOnlyList<string> Channels { get; }

    public RunControl Control { get; }

    public int MaxPorts { get; }

    /// <summary>Starts to serve.</summary>
    /// <param name="asked">The user's ports.</param>
    /// <param name="options">What carries the ports, and how the loop works.</param>
    /// <param name="isTerminal">The command has the terminal; otherwise three plain streams.</param>
    /// <param name="folder">Gets the socket where the monitor connects, or one for each USB adapter.</param>
    /// <param name="log">For the device's warnings.</param>
    /// <param name="cancellationToken">Ends the waiting for host ends that are to be there first.</param>
    public static async Task<RunDevice> StartAsync(
        DevicePlan asked, RunOptions options, bool isTerminal, PrivateFolder folder, ILoggerFactory log, CancellationToken cancellationToken)
    {
        bool isUsb = options.Transport == PortTransport.UsbSerial;
        string socket = isUsb ? folder.Path : folder.File("device.sock");
        if (!UnixAddress.TryCreate(socket, isAbstract: false, isTight: true, out UnixAddress? address, out string? reason))
        {
            throw new RunException($"the socket's path {socket} {reason}");
        }

        (FileDescriptor deviceEnd, FileDescriptor ourEnd) = UnixSocket.Pair();
        using FileDescriptor given = deviceEnd; // the chardev has its own
        RunControl control = new(new NetworkStream(new Socket(new SafeSocketHandle(ourEnd.Number, ownsHandle: true)), ownsSocket: true));
        ourEnd.SetHandleAsInvalid();
        CommandStreams? streams = isTerminal ? null : new();
        Server server = new(log, loops: options.Loops);
        try
        {
            DevicePlan plan = RunPorts.Plan(asked, options.Transport, given.Number, streams);
            VmPlan vm = isUsb ? new(Name, plan, null) { Usb = new UsbPlan(null, socket) } : new(Name, plan, new VhostUserEndpoint.Listen(address));
            VmHost host = await server.AddAsync(vm, cancellationToken);
            return new(server, host, socket, asked, streams, control);
        }
        catch
        {
            await server.DisposeAsync();
            streams?.Dispose();
            control.Dispose();
            throw;
        }
    }

    public void Resize(TerminalSize size)
    {
        if (Adapters.Count > 0)
        {
            _ = TellSizeAsync(size);
        }
        else
        {
            _host.Resize(size);
        }
    }

    public async Task DrainAsync(TimeSpan patience, CancellationToken cancellationToken)
    {
        await FinishAsync(_outputs, cancellationToken);
        using CancellationTokenSource limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        limit.CancelAfter(patience);
        try
        {
            while (_streams is null && Adapters.Count == 0 && !await _host.IsConsoleDeliveredAsync())
            {
                await Task.Delay(LookAgain, limit.Token);
            }

            await FinishAsync(_userPorts.Where(port => port.HostEnd.IsOpen), limit.Token);
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
        }
    }

    public async Task OutputLostAsync(CancellationToken cancellationToken)
    {
        using PeriodicTimer timer = new(LookForLoss);
        while (!Array.Exists(_outputs, port => port.DroppedBytes > 0))
        {
            await timer.WaitForNextTickAsync(cancellationToken);
        }
    }

    public async ValueTask DisposeAsync()
    {
        Control.Dispose();
        await _server.DisposeAsync();
        _streams?.Dispose();
    }

    /// <summary>A guest without a console has it from its init.</summary>
    private async Task TellSizeAsync(TerminalSize size)
    {
        using CancellationTokenSource limit = new(ResizePatience);
        try
        {
            await Control.SendAsync(new RunResize(size.Columns, size.Rows), limit.Token);
        }
        catch (Exception fault) when (fault is IOException or OperationCanceledException or ObjectDisposedException)
        {
            // The run is at its end, and nobody looks at the terminal's size any more.
        }
    }

    private async Task FinishAsync(IEnumerable<Port> ports, CancellationToken cancellationToken)
    {
        foreach (Port port in ports)
        {
            while (!await _host.IsFinishedAsync(port))
            {
                await Task.Delay(LookAgain, cancellationToken);
            }
        }
    }
}
