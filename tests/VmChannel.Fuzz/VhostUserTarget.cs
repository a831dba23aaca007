using VmChannel.Device.Loop;
using VmChannel.Device.VhostUser;
using VmChannel.Device.VirtioSerial;
using VmChannel.Native;
using VmChannel.Testing;

namespace VmChannel.Fuzz;

/// <summary>A front-end's stream of messages, read to its end by a session on a loop of its own.</summary>
/// <remarks>Byte 0: bit 0 sends two descriptors along, of memory and an event. The rest is the stream.</remarks>
public static class VhostUserTarget
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
        using VirtioSerialDevice device = new(loop, new VirtioSerialSettings(4), log.For<VirtioSerialDevice>());
        (FileDescriptor ours, FileDescriptor theirs) = UnixSocket.Pair();
        using FileDescriptor memory = MappedRegion.CreateFile("fuzz", 64 * 1024);
        using FileDescriptor happening = EventFd.Create();
        using VhostUserServer server = new(
            loop, device, new VhostUserEndpoint.Inherited(theirs.Number), offersInBand: true, log.For<VhostUserServer>())
        {
            Finished = loop.Stop,
        };
        _ = UnixSocket.Send(ours, input[1..], (input[0] & 1) != 0 ? [memory, happening] : []);
        _ = UnixSocket.Shutdown(ours, 1);
        server.Start();
        theirs.Dispose();
        loop.Run();
        ours.Dispose();
        if (log.Contains("defect"))
        {
            throw new InvalidOperationException(string.Join('\n', log.All));
        }
    }
}
