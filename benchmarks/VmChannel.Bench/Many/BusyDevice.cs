using VmChannel.Bench.Alone;

namespace VmChannel.Bench.Many;

/// <summary>A device one port of which has a program at its host end that sends every byte back.</summary>
internal sealed record BusyDevice(GuestDriver Driver, HostPeer Peer)
{
    public const int Port = 1;

    /// <summary>Turns of one byte there and back, all devices at once. Returns the microseconds of every turn of every device.</summary>
    /// <param name="devices">Those.</param>
    /// <param name="count">Turns of each.</param>
    /// <param name="pause">Before each turn.</param>
    public static double[] PingPong(IReadOnlyList<BusyDevice> devices, int count, TimeSpan pause)
    {
        double[][] turns = new double[devices.Count][];
        Thread[] threads = [.. devices.Select((device, index) => new Thread(() => turns[index] = device.Driver.PingPong(Port, count, device.Peer, pause)) { IsBackground = true })];
        Array.ForEach(threads, thread => thread.Start());
        Array.ForEach(threads, thread => thread.Join());
        return [.. turns.SelectMany(of => of ?? throw new BenchException("a busy device has failed"))];
    }
}
