using VmChannel.Device.Loop;
using VmChannel.Device.Ports;
using VmChannel.Device.UsbRedir;
using VmChannel.Device.UsbSerial;
using VmChannel.Native;
using VmChannel.Testing;

namespace VmChannel.Fuzz;

/// <summary>A peer's stream of usbredir packets, read to its end by a session on a loop of its own.</summary>
/// <remarks>Byte 0: bit 0 = the host end takes nothing and has nothing, otherwise it takes all and always has more; bit 1 = the
/// adapter is of the Abstract Control Model. The rest is the stream.</remarks>
public static class UsbRedirTarget
{
    private const int MaxBytes = 64 * 1024;

    public static void Run(ReadOnlySpan<byte> input)
    {
        if (input.Length is 0 or > MaxBytes)
        {
            return;
        }

        LogLines log = new();
        using DeviceLoop loop = new(log.For<DeviceLoop>());
        PortSpec spec = new(1, "org.example.fuzz")
        {
            Transport = PortTransport.UsbSerial,
            Adapter = (input[0] & 2) == 0 ? UsbAdapterKind.Ftdi : UsbAdapterKind.Acm,
        };
        using Port port = new(spec, (input[0] & 1) == 0 ? new EndlessEnd() : new ScriptedEnd { Allowance = 0 }, loop, log);
        port.Start();
        _ = UnixAddress.TryCreate($"vmchannel-fuzz-{Guid.NewGuid():N}", isAbstract: true, isTight: true, out UnixAddress? address, out _);
        using UsbRedirServer server = new(loop, new UsbRedirEndpoint(address, null, Connects: false), log.For<UsbRedirServer>()) { PeerLeft = loop.Stop };
        using UsbSerialAdapter adapter = new(port, "FUZZ", loop, TimeSpan.FromSeconds(5));
        server.Plug(adapter);
        server.Start();
        _ = StreamSocket.Connect(address!, out FileDescriptor? peer).OrThrow("connect");
        using (peer)
        {
            _ = UnixSocket.Send(peer!, input[1..]);
            _ = UnixSocket.Shutdown(peer!, 1);
            loop.Run();
        }

        if (log.Contains("defect"))
        {
            throw new InvalidOperationException(string.Join('\n', log.All));
        }
    }
}
