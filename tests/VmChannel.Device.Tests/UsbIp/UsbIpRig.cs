using System.Diagnostics.CodeAnalysis;
using System.Net;
using VmChannel.Device.Ports;
using VmChannel.Device.UsbIp;
using VmChannel.Device.UsbSerial;
using VmChannel.Testing;
using VmChannel.Wire.UsbIp;

namespace VmChannel.Device.Tests.UsbIp;

/// <summary>A server with adapters on a loop of its own, port by port, whose host ends a test moves.</summary>
[SuppressMessage("Reliability", "CA2213", Justification = "Disposed on its loop, where the analyzer does not follow.")]
internal sealed class UsbIpRig : IDisposable
{
    private readonly LoopThread _thread;
    private readonly UsbIpServer _server;
    private readonly List<Port> _ports = [];
    private readonly UsbAdapterKind _kind;

    public UsbIpRig(int adapters = 1, UsbAdapterKind kind = UsbAdapterKind.Ftdi)
    {
        _kind = kind;
        _thread = new(Log);
        _server = new(_thread.Loop, new(new IPEndPoint(IPAddress.Loopback, 0)), Log.For<UsbIpServer>());
        Invoke(_server.Start);
        for (int number = 1; number <= adapters; number++)
        {
            Plug(number);
        }
    }

    public LogLines Log { get; } = new();

    public List<ScriptedEnd> Ends { get; } = [];

    public UsbIpServer Server => _server;

    /// <summary>The port of the first adapter.</summary>
    public PortState State => _ports[0].State;

    public Port Port(int number) => _ports[number - 1];

    public void Invoke(Action action) => _thread.Invoke(action);

    public T Invoke<T>(Func<T> function) => _thread.Invoke(function);

    /// <summary>What the first adapter's host end took.</summary>
    public byte[] Taken => Invoke(() => Ends[0].Taken.ToArray());

    public UsbIpClient Connect() => new(_server.Endpoint.Address);

    /// <summary>A client that has the first adapter.</summary>
    public UsbIpClient Import(string busId = "1-1")
    {
        UsbIpClient client = Connect();
        UsbIpOutcome outcome = client.Import(busId);
        return outcome == UsbIpOutcome.Good ? client : throw new InvalidOperationException($"{busId} cannot be imported: {outcome}");
    }

    /// <summary>And a program that has it open, whose bytes may flow.</summary>
    public UsbIpClient Open(string busId = "1-1")
    {
        UsbIpClient client = Import(busId);
        client.SetDtr(true);
        return client;
    }

    private void Plug(int number) => Invoke(() =>
    {
        ScriptedEnd end = new();
        Port port = new(new PortSpec(number, $"org.example.usb{number}") { Adapter = _kind }, end, _thread.Loop, Log);
        port.Start();
        end.Connect(true);
        Ends.Add(end);
        _ports.Add(port);
        _server.Plug(new UsbSerialAdapter(port, UsbSerialAdapter.SerialOf("vm", port.Spec.Protocol!), _thread.Loop, TimeSpan.FromMinutes(1)));
    });

    public void Dispose()
    {
        Invoke(() =>
        {
            _server.Dispose();
            _ports.ForEach(port => port.Dispose());
        });
        _thread.Dispose();
    }
}
