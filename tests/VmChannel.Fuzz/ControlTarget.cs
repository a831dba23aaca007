using VmChannel.Device.Loop;
using VmChannel.Device.Ports;
using VmChannel.Device.VirtioSerial;
using VmChannel.Device.Virtqueues;
using VmChannel.Native;
using VmChannel.Testing;
using VmChannel.Wire.VhostUser;
using VmChannel.Wire.Virtio;
using VmChannel.Wire.VirtioConsole;

namespace VmChannel.Fuzz;

/// <summary>Control messages of a driver, each with the number of buffers it has posted for answers.</summary>
/// <remarks>The input is pieces of one length byte, one byte of buffers, and that many bytes of message.</remarks>
public static class ControlTarget
{
    private const int RingSize = 16;

    public static void Run(ReadOnlySpan<byte> input)
    {
        LogLines log = new();
        using DeviceLoop loop = new(log.For<DeviceLoop>());
        using VirtioSerialDevice device = new(loop, new VirtioSerialSettings(4), log.For<VirtioSerialDevice>());
        using GuestRam ram = new(1 << 20);
        using GuestMemory memory = new();
        MemoryRegion region = ram.Regions(1)[0];
        _ = memory.TryAdd(new(region.GuestAddress, region.Length, region.UserAddress, region.FileOffset), ram.File, out _);
        using SerialDriver driver = new(ram, 4, RingSize, VirtioFeatures.InOrder);
        for (int i = 0; i < 3; i++)
        {
            using ScriptedEnd end = new();
            Port port = new(new PortSpec(i, i == 0 ? null : $"fuzz.{i}", IsConsole: i == 0), end, loop, log);
            port.Start();
            device.Plug(port);
        }

        device.SetFeatures((ulong)ConsoleFeatures.MultiPort);
        foreach (DriverQueue queue in driver.Queues)
        {
            VringAddress at = queue.Ring.Address(queue.Index);
            SplitRing? ring = new RingAddresses(at.Descriptors, at.Available, at.Used, RingSize).Open(memory, VirtioFeatures.InOrder, out _);
            device.StartQueue(new Virtqueue(queue.Index, (queue.Index & 1) == 0, ring!, queue.CallFd, null));
        }

        while (input.Length >= 2)
        {
            int length = Math.Min(input[0], input.Length - 2);
            _ = driver.Queues[PortQueues.ControlReceive].Post(input[1]);
            if (!driver.Queues[PortQueues.ControlTransmit].TryWrite(input.Slice(2, length)))
            {
                throw new InvalidOperationException("a control message was not used at once");
            }

            device.Kick(PortQueues.ControlReceive);
            device.Kick(PortQueues.ControlTransmit);
            driver.PumpControl(repost: false);
            input = input[(2 + length)..];
        }

        if (device.IsBroken)
        {
            throw new InvalidOperationException("a control message broke the device");
        }

        // All that waits for the guest is bounded by its ports.
        int waiting = 0;
        for (int before = -1; before != waiting;)
        {
            before = waiting;
            driver.PumpControl();
            device.Kick(PortQueues.ControlReceive);
            waiting += driver.Control.Count;
            driver.Control.Clear();
            if (waiting > 4096)
            {
                throw new InvalidOperationException("what waits for the guest has no bound");
            }
        }
    }
}
