using VmChannel.Native;
using VmChannel.Wire;

namespace VmChannel.Guest;

/// <summary>Tells when something about virtio-serial ports, or about terminals, has changed.</summary>
internal static class PortEvents
{
    /// <summary>Waits for an event about ports; takes all that wait already, so that a burst is one.</summary>
    /// <returns>False when the time is over.</returns>
    public static bool Wait(UeventSocket socket, TimeSpan timeout)
    {
        Deadline deadline = new(timeout);
        while (!deadline.IsOver)
        {
            PollEntry[] entries = [new(socket.Descriptor.Number, PollEvents.In)];
            _ = Poll.Wait(entries, deadline.Left).OrThrow("wait for kernel events");
            if (TakeAll(socket))
            {
                return true;
            }
        }

        return false;
    }

    private static bool TakeAll(UeventSocket socket)
    {
        Span<byte> message = stackalloc byte[UeventSocket.MaxEventBytes];
        bool seen = false;
        while (true)
        {
            PosixResult received = socket.Receive(message);
            if (received.IsAgain)
            {
                return seen;
            }

            if (received.Error == Errno.NoBufferSpace)
            {
                // Events were lost, perhaps one of ours.
                seen = true;
                continue;
            }

            int bytes = received.OrThrow("receive kernel events");
            seen |= Uevent.TryRead(message[..bytes], out Uevent uevent)
                && (uevent.Subsystem.SequenceEqual("virtio-ports"u8) || uevent.Subsystem.SequenceEqual("tty"u8));
        }
    }
}
