using System.Diagnostics;
using VmChannel.Guest;
using VmChannel.Native;

namespace VmChannel.GuestTool.Handlers;

/// <summary>Waits for the channel and its host, and has one handler after the other serve them.</summary>
/// <param name="name">The channel's.</param>
/// <param name="wait">For the channel to be plugged in, the first time.</param>
/// <param name="once">Only the first handler.</param>
/// <param name="killAfter">See <see cref="HandlerSession"/>.</param>
/// <param name="restartDelay">After a handler that failed; and from one to the next of the same host.</param>
internal sealed class HandlerLoop(string name, TimeSpan wait, bool once, TimeSpan killAfter, TimeSpan restartDelay)
{
    /// <summary>Time for an error to show, such as a port that somebody else has open, before systemd is told that all is well.</summary>
    private static readonly TimeSpan FirstLook = TimeSpan.FromMilliseconds(50);

    /// <summary>A host that the device has ended with the handler is still there for our kernel, until it has dealt with the message.</summary>
    private static readonly TimeSpan KernelTime = TimeSpan.FromMilliseconds(50);

    private int _generation;

    // The last handler ended before its host did.
    private bool _hostLingers;
    private long _startedAt;
    private bool _isReady;

    /// <returns>The exit code.</returns>
    /// <exception cref="ChannelException">The channel cannot be had.</exception>
    /// <exception cref="OperationCanceledException">Stopped while it waited.</exception>
    public async Task<int> RunAsync(HandlerProgram program, StopRequest stop)
    {
        while (true)
        {
            try
            {
                using ChannelStream channel = await OpenAsync(stop.Token);
                if (_hostLingers && channel.IsHostOpen)
                {
                    if (await EndsSoonAsync(channel, stop.Token))
                    {
                        _hostLingers = false;
                        continue;
                    }

                    // The same host still, or the next one: the kernel does not tell. The same one is not to get handlers in a rush.
                    TimeSpan rest = restartDelay - Stopwatch.GetElapsedTime(_startedAt);
                    await Task.Delay(rest > TimeSpan.Zero ? rest : TimeSpan.Zero, stop.Token);
                }

                _hostLingers = false;
                await channel.WaitForHostAsync(stop.Token);
                Tell($"a handler serves the host, number {_generation + 1}");
                _startedAt = Stopwatch.GetTimestamp();
                HandlerSession session = new(channel, killAfter);
                ChildEnd end = await session.RunAsync(program, ++_generation, stop.Token);
                _hostLingers = session.HostLingers;
                if (once || stop.Token.IsCancellationRequested)
                {
                    return stop.Token.IsCancellationRequested && !once ? Failure.None : end.ShellCode;
                }

                if (end.ShellCode != 0)
                {
                    _ = Failure.Report($"{name}: {program.Name} {(end.Signal == 0 ? $"failed with exit code {end.Code}" : $"was ended by signal {end.Signal}")}");
                    await Task.Delay(restartDelay, stop.Token);
                }
            }
            catch (HostClosedException)
            {
                // It came and went before a handler was there for it.
            }
            catch (ChannelUnpluggedException) when (!once)
            {
                _hostLingers = false;
            }
        }
    }

    private static async Task<bool> EndsSoonAsync(ChannelStream channel, CancellationToken stop)
    {
        using CancellationTokenSource limit = CancellationTokenSource.CreateLinkedTokenSource(stop);
        limit.CancelAfter(KernelTime);
        try
        {
            await channel.WaitForEndAsync(limit.Token);
            return true;
        }
        catch (OperationCanceledException) when (!stop.IsCancellationRequested)
        {
            return false;
        }
    }

    private async Task<ChannelStream> OpenAsync(CancellationToken stop)
    {
        Task<ChannelStream> opening = VmChannels.OpenAsync(name, _isReady ? Timeout.InfiniteTimeSpan : wait, stop).AsTask();
        _ = await Task.WhenAny(opening, Task.Delay(FirstLook, stop));
        if (!opening.IsFaulted)
        {
            _isReady = true;
            Tell(opening.IsCompleted ? "waits for the host to open the channel" : "waits for the channel to be plugged in");
        }

        return await opening;
    }

    private void Tell(string status) => NotifySocket.Send($"READY=1\nSTATUS={name}: {status}");
}
