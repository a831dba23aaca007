using VmChannel.Testing;
using VmChannel.Testing.FrontEnds;
using VmChannel.Wire.Virtio;

namespace VmChannel.Device.Tests.VirtioSerial;

/// <summary>A QEMU and its guest on a rig.</summary>
internal sealed class Guest : IDisposable
{
    public const VirtioFeatures Plain = VirtioFeatures.Version1;
    public const VirtioFeatures Usual = VirtioFeatures.Version1 | VirtioFeatures.InOrder | VirtioFeatures.EventIndex
        | VirtioFeatures.IndirectDescriptors;

    public Guest(SerialRig rig, VirtioFeatures features = Usual, int ringSize = 64, int bufferBytes = 4096)
        => (FrontEnd, Driver) = rig.Boot(features, ringSize, bufferBytes);

    public FrontEnd FrontEnd { get; set; }

    public SerialDriver Driver { get; }

    /// <summary>Features the driver took.</summary>
    public static ulong Taken(FrontEnd frontEnd, VirtioFeatures features = Usual) => frontEnd.GuestFeatures & ((ulong)features | 3);

    public static byte[] Bytes(int count, int seed)
    {
        byte[] bytes = new byte[count];
#pragma warning disable CA5394 // reproducible, not secret
        new Random(seed).NextBytes(bytes);
#pragma warning restore CA5394
        return bytes;
    }

    public void Dispose()
    {
        FrontEnd.Dispose();
        Driver.Dispose();
        FrontEnd.Ram.Dispose();
    }
}
