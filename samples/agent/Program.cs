using System.Text;
using VmChannel.Guest;

// Answers lines of the host: "uptime", "hostname", anything else is echoed. Serves one host after another, across unplugs, until it is killed.
ChannelOpenOptions options = new() { Timeout = Timeout.InfiniteTimeSpan, OnHostClose = HostCloseBehavior.Continue };
while (true)
{
    try
    {
        await using ChannelStream channel = await VmChannels.OpenAsync("com.example.agent", options);
        using StreamReader lines = new(channel, Encoding.UTF8, leaveOpen: true);
        while (await lines.ReadLineAsync() is string line)
        {
            string answer = line switch
            {
                "uptime" => $"{Environment.TickCount64 / 1000} s",
                "hostname" => Environment.MachineName,
                _ => line,
            };
            await channel.WriteAsync(Encoding.UTF8.GetBytes(answer + "\n"));
        }
    }
    catch (ChannelUnpluggedException)
    {
        // The host took the channel away; it may bring it back.
    }
    catch (ChannelException problem)
    {
        await Console.Error.WriteLineAsync(problem.Message);
        return 1;
    }
}
