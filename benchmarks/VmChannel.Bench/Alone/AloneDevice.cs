using Microsoft.Extensions.Logging.Abstractions;
using VmChannel.Device.Channels;
using VmChannel.Device.Chardevs;
using VmChannel.Device.Ports;
using VmChannel.Device.VhostUser;
using VmChannel.Device.VirtioSerial;
using VmChannel.Native;
using VmChannel.Wire.VirtioConsole;

namespace VmChannel.Bench.Alone;

/// <summary>A device without a VM: loop, ports and host ends as the product has them, and a driver double in the same process.</summary>
/// <remarks>Everything between the two is real: the vhost-user socket, the shared memory, the rings, the eventfds.</remarks>
internal sealed class AloneDevice : IDisposable
{
    private const int UnixPort = 1;
    private const int NullPort = 2;
    private const int RingSize = 256;
    private const int PageBytes = 4096;
    private const int MaxMessageBytes = 32 * 1024;

    private readonly LoopThread _thread = new();
    private readonly DriverMemory _memory = new(64 << 20);
    private readonly VirtioSerialDevice _device;
    private readonly VhostUserServer _server;
    private readonly FrontEnd _frontEnd;
    private readonly ulong _transmitPool;
    private readonly ulong _receivePool;

    /// <param name="folder">A private folder for the sockets.</param>
    public AloneDevice(string folder)
    {
        UnixAddress vhostUser = Address(folder, "device.sock");
        UnixAddress host = Address(folder, "host.sock");
        _device = new(_thread.Loop, new(NullPort + 1), NullLogger<VirtioSerialDevice>.Instance);
        Plug(UnixPort, "org.vmchannel.bench.unix", new UnixServer(_thread.Loop, host, waitsForClient: false, NullLogger.Instance));
        Plug(NullPort, "org.vmchannel.bench.null", new NullChardev());
        _server = new(_thread.Loop, _device, new VhostUserEndpoint.Listen(vhostUser), offersInBand: false, NullLogger<VhostUserServer>.Instance);
        _server.Start();
        _thread.Start();

        Peer = HostPeer.Connect(host.Name);
        _frontEnd = new(vhostUser, _memory);
        _transmitPool = _memory.Reserve(RingSize * MaxMessageBytes);
        _receivePool = _memory.Reserve(RingSize * PageBytes);
        Introduce();
        ToUnix = _frontEnd.Start(PortQueues.Transmit(UnixPort), RingSize);
        FromUnix = _frontEnd.Start(PortQueues.Receive(UnixPort), RingSize);
        ToNull = _frontEnd.Start(PortQueues.Transmit(NullPort), RingSize);
        while (!FromUnix.IsFull)
        {
            PostPage(FromUnix);
        }

        _frontEnd.Settle();
    }

    /// <summary>What connects to the unix host end.</summary>
    public HostPeer Peer { get; }

    public DriverRing ToUnix { get; }

    public DriverRing FromUnix { get; }

    public DriverRing ToNull { get; }

    public LoopUse Use() => _thread.Use();

    /// <summary>Writes messages as Linux's driver does: takes used buffers back, adds one, sleeps when the ring is full.</summary>
    public void Send(DriverRing ring, long bytes, int chunk)
    {
        while (bytes > 0)
        {
            while (ring.TryTake(out _, out _))
            {
            }

            if (ring.IsFull)
            {
                ring.Wait();
                continue;
            }

            int length = (int)Math.Min(bytes, chunk);
            ring.Add(_transmitPool + ((ulong)ring.NextSlot * MaxMessageBytes), length, deviceWrites: false);
            bytes -= length;
        }
    }

    /// <summary>Waits until the device has used every message.</summary>
    public static void Finish(DriverRing ring)
    {
        while (ring.Pending > 0)
        {
            if (!ring.TryTake(out _, out _))
            {
                ring.Wait();
            }
        }
    }

    /// <summary>Takes bytes as they come, page by page, and posts each page again.</summary>
    public void Receive(long bytes)
    {
        while (bytes > 0)
        {
            if (FromUnix.TryTake(out _, out int written))
            {
                bytes -= written;
                PostPage(FromUnix);
            }
            else
            {
                FromUnix.Wait();
            }
        }
    }

    public void Dispose()
    {
        _frontEnd.Dispose();
        Peer.Dispose();
        _thread.Stop();
        _server.Dispose();
        _device.Dispose();
        _thread.Dispose();
        _memory.Dispose();
    }

    private static UnixAddress Address(string folder, string name)
        => UnixAddress.TryCreate(Path.Combine(folder, name), isAbstract: false, isTight: true, out UnixAddress? address, out string? reason)
            ? address
            : throw new BenchException($"{folder}/{name} {reason}");

    private void Plug(int number, string name, HostEnd end)
    {
        Port port = new(new PortSpec(number, name), end, _thread.Loop, NullLogger.Instance);
        _device.Plug(port);
        port.Start();
    }

    private void PostPage(DriverRing ring) => ring.Add(_receivePool + ((ulong)ring.NextSlot * PageBytes), PageBytes, deviceWrites: true);

    /// <summary>The driver's part of the control conversation; what the device answers is of no interest here.</summary>
    private void Introduce()
    {
        DriverRing fromDevice = _frontEnd.Start(PortQueues.ControlReceive, RingSize);
        DriverRing toDevice = _frontEnd.Start(PortQueues.ControlTransmit, RingSize);
        ulong answers = _memory.Reserve(RingSize * PageBytes);
        while (!fromDevice.IsFull)
        {
            fromDevice.Add(answers + ((ulong)fromDevice.NextSlot * PageBytes), PageBytes, deviceWrites: true);
        }

        ulong messages = _memory.Reserve(RingSize * ControlMessage.Size);
        Say(new(uint.MaxValue, ControlEvent.DeviceReady, 1));
        foreach (uint port in (ReadOnlySpan<uint>)[UnixPort, NullPort])
        {
            Say(new(port, ControlEvent.PortReady, 1));
            Say(new(port, ControlEvent.PortOpen, 1));
        }

        void Say(ControlMessage message)
        {
            byte[] bytes = new byte[ControlMessage.Size];
            message.Write(bytes);
            ulong address = messages + ((ulong)toDevice.NextSlot * ControlMessage.Size);
            _memory.Words.Write((int)address, bytes);
            toDevice.Add(address, bytes.Length, deviceWrites: false);
            Finish(toDevice);
        }
    }
}
