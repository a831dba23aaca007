using VmChannel.Guest;

// In the guest: dotnet log-shipper.dll FILE [CHANNEL]. The host takes the lines with char=file:, char=unix: or service=log.
if (args.Length is 0 or > 2)
{
    await Console.Error.WriteLineAsync("usage: log-shipper FILE [CHANNEL]");
    return 2;
}

// The host's end may go and come: what is written waits for it, so no line is lost while this program runs.
ChannelOpenOptions options = new() { Timeout = Timeout.InfiniteTimeSpan, OnHostClose = HostCloseBehavior.Continue };
await using ChannelStream channel = await VmChannels.OpenAsync(args.Length > 1 ? args[1] : "org.example.log", options);
await using FileStream log = new(args[0], FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
byte[] buffer = new byte[32 * 1024];
while (true)
{
    int count = await log.ReadAsync(buffer);
    if (count > 0)
    {
        await channel.WriteAsync(buffer.AsMemory(0, count));
        continue;
    }

    if (log.Length < log.Position)
    {
        log.Position = 0; // it was rotated in place
    }

    await Task.Delay(200);
}
