using System.Diagnostics;
using VmChannel.Bench.Alone;
using VmChannel.Native;

namespace VmChannel.Bench.Fair;

/// <summary>A byte that comes right behind as much as the other ports hold, which all have it at once.</summary>
/// <remarks>
/// One thread is everybody but the device, so the two have a processor each and nobody waits for one: what the byte waits for is the
/// device. Between two bursts everything is taken, and nothing is on its way.
/// </remarks>
/// <param name="driver">Has the ports open.</param>
/// <param name="chatty">The port of the byte.</param>
/// <param name="peer">At its host end.</param>
/// <param name="ports">The others.</param>
/// <param name="sockets">Their host ends.</param>
internal sealed class Burst(GuestDriver driver, int chatty, HostPeer peer, int[] ports, IReadOnlyList<FileDescriptor> sockets)
{
    private const int MessageBytes = 32 * 1024;

    /// <summary>Fits into a unix socket.</summary>
    private const int BytesFromGuest = 4 * MessageBytes;

    /// <summary>So many free pages let the device begin.</summary>
    private const int PagesToGuest = 64;

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(1);

    private readonly byte[] _memory = new byte[PagesToGuest * GuestDriver.PageBytes];

    /// <summary>Microseconds from the guest's kick until the byte is at the host end, again and again.</summary>
    public double[] FromGuest(int count)
    {
        double[] times = new double[count];
        for (int i = 0; i < count; i++)
        {
            foreach (int port in ports)
            {
                driver.Send(driver.To[port], BytesFromGuest, MessageBytes);
            }

            long started = Stopwatch.GetTimestamp();
            driver.Send(driver.To[chatty], 1, 1);
            peer.Receive(1);
            times[i] = Stopwatch.GetElapsedTime(started).TotalMicroseconds;
            for (int port = 0; port < ports.Length; port++)
            {
                Take(sockets[port], BytesFromGuest);
                GuestDriver.Finish(driver.To[ports[port]]);
            }
        }

        return times;
    }

    /// <summary>Microseconds from the host's write until the guest has the byte, again and again.</summary>
    public double[] ToGuest(int count)
    {
        double[] times = new double[count];
        Exhaust();
        for (int i = 0; i < count; i++)
        {
            for (int port = 0; port < ports.Length; port++)
            {
                _ = sockets[port].Write(_memory);
            }

            foreach (int port in ports)
            {
                driver.Post(driver.From[port], PagesToGuest);
            }

            long started = Stopwatch.GetTimestamp();
            peer.Send(1, 1);
            driver.Receive(driver.From[chatty], 1);
            times[i] = Stopwatch.GetElapsedTime(started).TotalMicroseconds;
            Exhaust();
        }

        foreach (int port in ports)
        {
            driver.Post(driver.From[port], int.MaxValue);
        }

        return times;
    }

    private void Take(FileDescriptor socket, int bytes)
    {
        PollEntry[] ready = [new(socket.Number, PollEvents.In)];
        while (bytes > 0)
        {
            PosixResult read = socket.Read(_memory.AsSpan(0, Math.Min(bytes, _memory.Length)));
            bytes -= (int)(read.IsSuccess ? read.Value : 0);
            _ = bytes > 0 ? Poll.Wait(ready, Patience) : default;
        }
    }

    /// <summary>Leaves no page to the device, so that what is in a socket next stays there.</summary>
    private void Exhaust()
    {
        for (int port = 0; port < ports.Length; port++)
        {
            DriverRing ring = driver.From[ports[port]];
            while (ring.Pending > 0)
            {
                _ = sockets[port].Write(_memory.AsSpan(0, Math.Min(_memory.Length, ring.Pending * GuestDriver.PageBytes)));
                if (driver.Drain(ring, posts: false) == 0)
                {
                    ring.Wait();
                }
            }
        }
    }
}
