using VmChannel.Cli.Serve;
using VmChannel.Device.VhostUser;
using VmChannel.Native;
using VmChannel.Testing;
using VmChannel.Testing.FrontEnds;
using VmChannel.Wire.Virtio;
using VmChannel.Wire.VirtioConsole;

namespace VmChannel.Cli.Tests.Serve;

/// <summary>A VMM and its guest's driver on the socket of a served VM.</summary>
internal sealed class GuestDouble : IDisposable
{
    private const VirtioFeatures Features = VirtioFeatures.Version1 | VirtioFeatures.InOrder | VirtioFeatures.EventIndex
        | VirtioFeatures.IndirectDescriptors;

    private readonly GuestRam _ram = new(64 << 20);
    private readonly QemuFrontEnd _frontEnd;

    /// <param name="vm">The VM, which listens.</param>
    public GuestDouble(VmHost vm)
    {
        UnixAddress address = ((VhostUserEndpoint.Listen)vm.Plan.Endpoint!).Address;
        _ = StreamSocket.Connect(address, out FileDescriptor? socket).OrThrow("connect to the VM's socket");
        int maxPorts = vm.Plan.Device.Settings.MaxPorts;
        _frontEnd = new QemuFrontEnd(socket!, _ram, PortQueues.Count(maxPorts));
        _frontEnd.Realize();
        ulong taken = _frontEnd.GuestFeatures & ((ulong)Features | (ulong)ConsoleFeatures.MultiPort);
        Driver = new SerialDriver(_ram, maxPorts, 64, (VirtioFeatures)taken);
        _frontEnd.Activate(taken, Driver.Queues);
        Driver.Probe();
        foreach (ServedPort port in vm.Ports)
        {
            _ = Driver.Expect(ControlEvent.PortAdd, (uint)port.Plan.Spec.Number);
        }
    }

    public SerialDriver Driver { get; }

    public void Dispose()
    {
        _frontEnd.Dispose();
        Driver.Dispose();
        _ram.Dispose();
    }
}
