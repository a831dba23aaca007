using VmChannel.Guest;
using VmChannel.Native;

namespace VmChannel.GuestTool.Handlers;

/// <summary>One handler's time at an open channel.</summary>
/// <remarks>
/// The handler gets pipes, not the port: a program that knows nothing of the driver would see no end of file when the host
/// goes, would be lost to the kernel's missing wake-up once it polls and writes, and could keep the port open in a child that outlives it.
/// Two threads copy; a port is read page by page, so splicing would save one copy of a page each.
/// </remarks>
/// <param name="channel">Open at both ends; closed at the end.</param>
/// <param name="killAfter">From the host's end to SIGTERM, and from there to SIGKILL.</param>
internal sealed class HandlerSession(ChannelStream channel, TimeSpan killAfter)
{
    private const int BufferBytes = 64 * 1024;
    private const int SigTerm = 15;
    private const int SigKill = 9;

    /// <summary>What a handler wrote before it ended is in its pipe; a child of it that goes on writing is not listened to.</summary>
    private const int MostBytesAfterExit = 1 << 20;

    /// <returns>How the handler ended.</returns>
    /// <exception cref="IOException">It cannot be started.</exception>
    public async Task<ChildEnd> RunAsync(HandlerProgram program, int generation, CancellationToken stop)
    {
        (FileDescriptor handlerInput, FileDescriptor input) = AnonymousPipe.Create();
        (FileDescriptor output, FileDescriptor handlerOutput) = AnonymousPipe.Create();
        using FileDescriptor exited = EventFd.Create();
        int pid;
        using (handlerInput)
        using (handlerOutput)
        {
            _ = input.SetNonBlocking(true).OrThrow("fcntl");
            pid = program.Start(channel, generation, handlerInput, handlerOutput);
        }

        Task<ChildEnd> exit = OnThread(() => ChildProcess.Wait(pid));
        Task<bool> feeding = OnThread(() => Feed(input, exited));
        Task<bool> draining = OnThread(() => Drain(output, exited));
        await EndAsync(pid, exit, stop);
        ChildEnd end = await exit;
        _ = EventFd.Signal(exited);
        await using (stop.Register(channel.Dispose))
        {
            // The host may take its time for the last bytes.
            _ = await draining;
        }

        HostLingers = channel.IsHostOpen;
        await channel.DisposeAsync();
        _ = await feeding;
        return end;
    }

    /// <summary>The host had not closed its end when the handler ended.</summary>
    public bool HostLingers { get; private set; }

    private static Task<T> OnThread<T>(Func<T> work) =>
        Task.Factory.StartNew(work, CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);

    /// <summary>Lets the handler end by itself, after its input's end; helps it when it does not.</summary>
    private async Task EndAsync(int pid, Task exit, CancellationToken stop)
    {
        using CancellationTokenSource over = CancellationTokenSource.CreateLinkedTokenSource(stop);
        Task hostEnd = channel.WaitForEndAsync(over.Token).AsTask();
        bool isOver = await Task.WhenAny(exit, hostEnd) == exit;
        if (!isOver && !stop.IsCancellationRequested)
        {
            isOver = await Task.WhenAny(exit, Task.Delay(killAfter, over.Token)) == exit;
        }

        if (!isOver)
        {
            _ = ChildProcess.SignalGroup(pid, SigTerm);
            if (await Task.WhenAny(exit, Task.Delay(killAfter, CancellationToken.None)) != exit)
            {
                _ = ChildProcess.SignalGroup(pid, SigKill);
            }
        }

        await over.CancelAsync();
        await ((Task)hostEnd).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }

    /// <summary>From the host to the handler, whose input ends when the host's end has closed.</summary>
    private bool Feed(FileDescriptor input, FileDescriptor exited)
    {
        using (input)
        {
            byte[] buffer = new byte[BufferBytes];
            try
            {
                while (channel.Read(buffer.AsSpan()) is int count and > 0)
                {
                    for (ReadOnlySpan<byte> left = buffer.AsSpan(0, count); !left.IsEmpty;)
                    {
                        PosixResult written = input.Write(left);
                        if (written.IsSuccess)
                        {
                            left = left[(int)written.Value..];
                        }
                        else if (!written.IsAgain || !WaitForRoom(input, exited))
                        {
                            // The handler has closed its input, or ended.
                            return false;
                        }
                    }
                }

                return true;
            }
            catch (Exception e) when (e is IOException or ObjectDisposedException)
            {
                return false;
            }
        }
    }

    private static bool WaitForRoom(FileDescriptor input, FileDescriptor exited)
    {
        Span<PollEntry> entries = [new(input.Number, PollEvents.Out), new(exited.Number, PollEvents.In)];
        _ = Poll.Wait(entries, Timeout.InfiniteTimeSpan);
        return entries[1].Ready == PollEvents.None;
    }

    /// <summary>From the handler to the host, until the handler closes its output; it learns from EPIPE that the host has closed.</summary>
    private bool Drain(FileDescriptor output, FileDescriptor exited)
    {
        using (output)
        {
            byte[] buffer = new byte[BufferBytes];
            Span<PollEntry> entries = [new(output.Number, PollEvents.In), new(exited.Number, PollEvents.In)];
            int afterExit = 0;
            try
            {
                while (afterExit < MostBytesAfterExit)
                {
                    _ = Poll.Wait(entries, Timeout.InfiniteTimeSpan);
                    if (entries[0].Ready == PollEvents.None)
                    {
                        if (entries[1].Ready != PollEvents.None)
                        {
                            return true;
                        }

                        continue;
                    }

                    PosixResult read = output.Read(buffer);
                    if (read.Value <= 0)
                    {
                        return true;
                    }

                    afterExit += entries[1].Ready == PollEvents.None ? 0 : (int)read.Value;
                    channel.Write(buffer.AsSpan(0, (int)read.Value));
                }
            }
            catch (Exception e) when (e is IOException or ObjectDisposedException)
            {
                // Nobody takes it any more.
            }

            return false;
        }
    }
}
