using System.Runtime.InteropServices;
using System.Text;
using VmChannel.Guest;

// Answers lines of the host: "uptime", "hostname", anything else is echoed. Every host gets a stream of its own, with on-guest-close=disconnect there.
using CancellationTokenSource stop = new();
using PosixSignalRegistration terminated = PosixSignalRegistration.Create(PosixSignal.SIGTERM, signal => { signal.Cancel = true; stop.Cancel(); });
for (TimeSpan patience = TimeSpan.FromSeconds(10); ; patience = Timeout.InfiniteTimeSpan)
{
    try
    {
        await using ChannelStream channel = await VmChannels.OpenAsync("com.example.agent", patience, stop.Token);
        using StreamReader lines = new(channel, Encoding.UTF8, leaveOpen: true);
        while (await lines.ReadLineAsync(stop.Token) is string line)
        {
            string answer = line is "uptime" ? $"{Environment.TickCount64 / 1000} s" : line is "hostname" ? Environment.MachineName : line;
            await channel.WriteAsync(Encoding.UTF8.GetBytes(answer + "\n"), stop.Token);
        }
    }
    catch (Exception e) when (e is HostClosedException or ChannelUnpluggedException)
    {
        // The host left before its answer, or took the channel away and may bring it back.
    }
    catch (Exception e) when (e is ChannelException or OperationCanceledException)
    {
        await Console.Error.WriteLineAsync(stop.IsCancellationRequested ? "stopped" : e.Message);
        return stop.IsCancellationRequested ? 0 : 1;
    }
}
