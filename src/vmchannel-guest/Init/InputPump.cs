using VmChannel.Guest;
using VmChannel.Native;

namespace VmChannel.GuestTool.Init;

/// <summary>Moves the host's bytes from a port into a pipe; when the host closes, the pipe ends.</summary>
/// <remarks>Nobody writes to this port in the guest, so polling it loses no writer's wake-up.</remarks>
internal sealed class InputPump(FileDescriptor port, FileDescriptor pipe, string name)
{
    // The host opens its end before it sends the command, but the two come by different queues.
    private static readonly TimeSpan HostGrace = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan HostCheck = TimeSpan.FromMilliseconds(10);

    /// <summary>Starts; the thread ends with the input, with the pipe's reader, or with the guest.</summary>
    public void Start() => new Thread(Run) { IsBackground = true, Name = name }.Start();

    private void Run()
    {
        using (port)
        using (pipe)
        {
            byte[] buffer = new byte[32768];
            Deadline grace = new(HostGrace);
            bool hostSeen = false;
            while (true)
            {
                PollEntry[] entries = [new(port.Number, PollEvents.In)];
                _ = Poll.Wait(entries, Timeout.InfiniteTimeSpan);
                hostSeen |= entries[0].Ready != 0 && (entries[0].Ready & PollEvents.HangUp) == 0;
                PosixResult read = entries[0].Ready == 0 ? new(-1, Errno.Again) : port.Read(buffer);
                if (read is { IsSuccess: true, Value: > 0 })
                {
                    hostSeen = true;
                    if (!PortWriter.WriteAll(pipe, buffer.AsSpan(0, (int)read.Value)))
                    {
                        return;
                    }
                }
                else if (!read.IsAgain)
                {
                    if (!read.IsSuccess || hostSeen || grace.IsOver)
                    {
                        return;
                    }

                    _ = Poll.Wait([], HostCheck);
                }
            }
        }
    }
}
