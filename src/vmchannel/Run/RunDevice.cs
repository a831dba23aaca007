using System.Net.Sockets;
using Microsoft.Extensions.Logging;
using VmChannel.Device.Channels;
using VmChannel.Device.Chardevs;
using VmChannel.Device.Loop;
using VmChannel.Device.Ports;
using VmChannel.Device.VhostUser;
using VmChannel.Device.VirtioSerial;
using VmChannel.Native;

namespace VmChannel.Cli.Run;

/// <summary>The device of one throw-away guest: the user's ports, and those that carry the run itself.</summary>
internal sealed class RunDevice : IDisposable
{
    private const string Prefix = "org.vmchannel.run.";
    private static readonly TimeSpan LookAgain = TimeSpan.FromMilliseconds(2);

    private readonly DeviceLoop _loop;
    private readonly VirtioSerialDevice _device;
    private readonly VhostUserServer _server;
    private readonly Thread _thread;
    private readonly List<Port> _outputs = [];
    private readonly List<Port> _userPorts = [];

    /// <param name="loop">Not running yet: this starts it.</param>
    /// <param name="userPorts">Ports the user asked for, not started yet.</param>
    /// <param name="maxPorts">Ports the monitor can carry, port 0 included.</param>
    /// <param name="isTerminal">The command has the terminal; otherwise three plain streams.</param>
    /// <param name="socket">Where the monitor connects.</param>
    /// <param name="logs">For the device's warnings.</param>
    public RunDevice(DeviceLoop loop, IReadOnlyList<Port> userPorts, int maxPorts, bool isTerminal, string socket, ILoggerFactory logs)
    {
        _loop = loop;
        Queue<int> free = new(FreeNumbers(userPorts.Select(port => port.Spec.Number).ToHashSet(), isTerminal ? 1 : 4, maxPorts));
        int highest = Math.Max(free.Max(), userPorts.Max(port => (int?)port.Spec.Number) ?? 0);
        _device = new(loop, new(highest + 1), logs.CreateLogger<VirtioSerialDevice>());
        (FileDescriptor deviceEnd, FileDescriptor ourEnd) = UnixSocket.Pair();
        ILogger log = logs.CreateLogger<RunDevice>();

        Add(new(free.Dequeue(), Prefix + "control"), new FdChardev(loop, deviceEnd.Number, log), log);
        if (isTerminal)
        {
            // Ctrl-C stops us while the guest boots; the command's turn takes that away.
            Add(new(0, null, IsConsole: true), new StdioChardev(loop, signals: true, log), log);
        }
        else
        {
            Add(new(free.Dequeue(), Prefix + "stdin"), new StandardStream(loop, 0, log), log);
            _outputs.Add(Add(new(free.Dequeue(), Prefix + "stdout", OnDisconnect: DisconnectPolicy.Discard), new StandardStream(loop, 1, log), log));
            _outputs.Add(Add(new(free.Dequeue(), Prefix + "stderr", OnDisconnect: DisconnectPolicy.Discard), new StandardStream(loop, 2, log), log));
        }

        foreach (Port port in userPorts)
        {
            _userPorts.Add(port);
            Plug(port);
        }

        deviceEnd.Dispose(); // the chardev has its own
        Control = new(new NetworkStream(new Socket(new SafeSocketHandle(ourEnd.Number, ownsHandle: true)), ownsSocket: true));
        ourEnd.SetHandleAsInvalid();

        if (!UnixAddress.TryCreate(socket, isAbstract: false, isTight: true, out UnixAddress? address, out string? reason))
        {
            throw new RunException($"the socket's path {socket} {reason}");
        }

        _server = new(loop, _device, new VhostUserEndpoint.Listen(address), offersInBand: false, logs.CreateLogger<VhostUserServer>());
        _server.Start();
        _thread = new(loop.Run) { IsBackground = true, Name = "device" };
        _thread.Start();
    }

    /// <summary>The conversation with the guest's init.</summary>
    public RunControl Control { get; }

    public int QueueCount => _device.QueueCount;

    public void Resize(TerminalSize size) => _loop.Post(() => _device.Resize(size));

    /// <summary>Numbers for our own ports: above the user's, where a device of this many ports costs least, or else between them.</summary>
    /// <exception cref="RunException">The user's ports leave no room.</exception>
    public static IEnumerable<int> FreeNumbers(IReadOnlySet<int> taken, int count, int maxPorts)
    {
        int first = (taken.Count == 0 ? 0 : taken.Max()) + 1;
        IEnumerable<int> above = Enumerable.Range(first, Math.Max(0, maxPorts - first));
        IEnumerable<int> below = Enumerable.Range(1, maxPorts - 1).Where(number => number < first && !taken.Contains(number)).Reverse();
        int[] numbers = [.. above.Concat(below).Take(count)];
        return numbers.Length == count
            ? numbers
            : throw new RunException($"run needs {count} ports for itself; of the {maxPorts - 1} this monitor can carry, yours leave {numbers.Length}");
    }

    /// <summary>Completes when what the command wrote has left this process, or nobody takes it any more.</summary>
    public async Task DrainAsync(TimeSpan patience, CancellationToken cancellationToken)
    {
        await UntilAsync(() => _outputs.TrueForAll(IsFinished), cancellationToken);

        // Channels of the user: what a host end is there to take. A guest that goes takes the rest with it.
        using CancellationTokenSource limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        limit.CancelAfter(patience);
        try
        {
            await UntilAsync(() => _userPorts.TrueForAll(port => !port.HostEnd.IsOpen || IsFinished(port)), limit.Token);
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
        }
    }

    /// <summary>Completes when the command wrote output that nobody takes, because the reader has left.</summary>
    public async Task OutputLostAsync(CancellationToken cancellationToken)
    {
        if (_outputs.Count == 0)
        {
            await Task.Delay(Timeout.Infinite, cancellationToken);
        }

        PeriodicTimer timer = new(TimeSpan.FromMilliseconds(50));
        while (!await _loop.InvokeAsync(() => _outputs.Exists(port => port.DroppedBytes > 0)))
        {
            await timer.WaitForNextTickAsync(cancellationToken);
        }
    }

    public void Dispose()
    {
        Control.Dispose();
        _loop.Stop();
        _thread.Join();
        _server.Dispose();
        _device.Dispose();
        _loop.Dispose();
    }

    private Port Add(PortSpec spec, HostEnd end, ILogger log)
    {
        Port port = new(spec, end, log);
        Plug(port);
        return port;
    }

    private void Plug(Port port)
    {
        port.Start();
        _device.Plug(port);
    }

    private bool IsFinished(Port port) => _device.IsFinished(port.Spec.Number);

    private async Task UntilAsync(Func<bool> condition, CancellationToken cancellationToken)
    {
        while (!await _loop.InvokeAsync(condition))
        {
            await Task.Delay(LookAgain, cancellationToken);
        }
    }
}
