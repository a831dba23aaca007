using System.Globalization;
using VmChannel.Guest;

namespace VmChannel.GuestAgent;

/// <summary>What a test can ask for.</summary>
internal sealed class Scenario(TextWriter output)
{
    private static readonly TimeSpan Plugged = TimeSpan.FromSeconds(30);

    /// <summary>Opens, exchanges a line with an echo, closes, so many times.</summary>
    public async Task CyclesAsync(string name, int count)
    {
        byte[] answer = new byte[100];
        for (int i = 0; i < count; i++)
        {
            await using ChannelStream stream = await VmChannels.OpenAsync(name, Plugged);
            byte[] line = System.Text.Encoding.ASCII.GetBytes($"cycle {i}");
            await stream.WriteAsync(line);
            await stream.ReadExactlyAsync(answer.AsMemory(0, line.Length));
            if (!answer.AsSpan(0, line.Length).SequenceEqual(line))
            {
                throw new InvalidDataException($"cycle {i} got something else back");
            }
        }

        Say($"{count} cycles, {Descriptors()} descriptors, {Threads()} of the library");
    }

    /// <summary>Sends and receives so many MiB at the same time, whatever the host's end does meanwhile.</summary>
    public async Task ExchangeAsync(string name, int mebibytes)
    {
        await using ChannelStream stream = await VmChannels.OpenAsync(
            name, new ChannelOpenOptions { Timeout = Plugged, OnHostClose = HostCloseBehavior.Continue });
        long fault = await SendAndReceiveAsync(stream, mebibytes * 1024L * 1024);
        Say($"sent {stream.BytesWritten}, received {stream.BytesRead}, first fault {fault}, generations {stream.Generation}");
    }

    /// <summary>Sends so many MiB in small writes while it reads.</summary>
    public async Task CrowdAsync(string name, int mebibytes)
    {
        await using ChannelStream stream = await VmChannels.OpenAsync(name, Plugged);
        await SendAndDrainAsync(stream, mebibytes * 1024L * 1024);
        Say($"sent {stream.BytesWritten}, received {stream.BytesRead}");
    }

    /// <summary>Reads until something happens.</summary>
    public async Task ReadAsync(string name)
    {
        try
        {
            await using ChannelStream stream = await VmChannels.OpenAsync(name, Plugged);
            byte[] buffer = new byte[4096];
            int count;
            do
            {
                count = await stream.ReadAsync(buffer);
                Say($"{count} bytes");
            }
            while (count > 0);
        }
        catch (ChannelException fault)
        {
            Say($"{fault.GetType().Name}: {fault.Message}");
        }
    }

    /// <summary>Writes until something happens.</summary>
    public async Task WriteAsync(string name)
    {
        try
        {
            await using ChannelStream stream = await VmChannels.OpenAsync(name, Plugged);
            byte[] buffer = new byte[100_000];
            while (true)
            {
                await stream.WriteAsync(buffer);
            }
        }
        catch (ChannelException fault)
        {
            Say($"{fault.GetType().Name}: {fault.Message}");
        }
    }

    /// <summary>Opens and stays for so many milliseconds.</summary>
    public async Task OpenAsync(string name, int milliseconds)
    {
        try
        {
            await using ChannelStream stream = await VmChannels.OpenAsync(name);
            Say($"open, host {(stream.IsHostOpen ? "open" : "closed")}");
            await Task.Delay(milliseconds);
        }
        catch (ChannelException fault)
        {
            Say($"{fault.GetType().Name}: {fault.Message}");
        }
    }

    /// <summary>Cancels so many reads, writes, waits for a host and waits for a channel, on a channel without a host.</summary>
    public async Task CancelAsync(string name, int count)
    {
        await using (ChannelStream stream = await VmChannels.OpenAsync(name, Plugged))
        {
            byte[] buffer = new byte[10];
            using CancellationTokenSource lasting = new();
            int descriptors = 0;
            for (int i = -100; i < count; i++)
            {
                descriptors = i == 0 ? Descriptors() : descriptors;
                using CancellationTokenSource cancel = CancellationTokenSource.CreateLinkedTokenSource(lasting.Token);
                Task read = stream.ReadAsync(buffer, cancel.Token).AsTask();
                Task write = stream.WriteAsync(buffer, cancel.Token).AsTask();
                Task host = stream.WaitForHostAsync(cancel.Token).AsTask();
                Task open = i % 100 == 0 ? VmChannels.OpenAsync("org.example.never", Plugged, cancel.Token).AsTask() : Task.CompletedTask;
                await cancel.CancelAsync();
                if (!await WasCancelledAsync(read) || !await WasCancelledAsync(write) || !await WasCancelledAsync(host) || (!open.IsCompletedSuccessfully && !await WasCancelledAsync(open)))
                {
                    throw new InvalidDataException($"turn {i} was not cancelled");
                }
            }

            Say($"{count} cancelled, {Descriptors() - descriptors} descriptors more, {Threads()} of the library, {stream.BytesWritten} bytes written");
        }
    }

    /// <summary>Exchanges single bytes with an echo, and counts what that allocates: with calls that block, and with awaits.</summary>
    /// <remarks>The runtime itself may allocate for an await, depending on how it has compiled it.</remarks>
    public async Task AllocateAsync(string name, int count)
    {
        await using ChannelStream stream = await VmChannels.OpenAsync(name, Plugged);
        long blocking = Exchange(stream, count);
        byte[] buffer = new byte[1];
        long before = 0;
        int waits = 0;
        for (int i = -1000; i < count; i++)
        {
            if (i == 0)
            {
                before = GC.GetTotalAllocatedBytes(precise: true);
                waits = 0;
            }

            ValueTask<int> read = stream.ReadAsync(buffer);
            waits += read.IsCompleted ? 0 : 1;
            await stream.WriteAsync(buffer);
            _ = await read;
        }

        long bytes = GC.GetTotalAllocatedBytes(precise: true) - before;
        Say($"{count} exchanges, {waits} waits, {blocking} bytes, {bytes} bytes with awaits");
    }

    /// <summary>Sends each of so many hosts its first bytes back.</summary>
    public async Task HostsAsync(string name, int count)
    {
        await using ChannelStream stream = await VmChannels.OpenAsync(
            name, new ChannelOpenOptions { Timeout = Plugged, OnHostClose = HostCloseBehavior.Continue });
        byte[] buffer = new byte[100];
        for (int host = 0; host < count; host++)
        {
            await stream.WaitForHostAsync();
            int bytes = await stream.ReadAsync(buffer);
            await stream.WriteAsync(buffer.AsMemory(0, bytes));
            while (stream.IsHostOpen)
            {
                await Task.Delay(20);
            }

            Say($"generation {stream.Generation} over");
        }
    }

    /// <summary>Answers what comes with the same, for ever: whatever carries the channel, and whoever comes and goes.</summary>
    public static async Task AnswerAsync(string name)
    {
        byte[] buffer = new byte[4096];
        while (true)
        {
            try
            {
                await using ChannelStream stream = await VmChannels.OpenAsync(name, Timeout.InfiniteTimeSpan);
                while (await stream.ReadAsync(buffer) is int count and > 0)
                {
                    await stream.WriteAsync(buffer.AsMemory(0, count));
                }
            }
            catch (ChannelException)
            {
                // Unplugged: on to the next of this name. Or it was busy being unplugged.
                await Task.Delay(20);
            }
        }
    }

    /// <summary>Tells what happens to a channel until it is unplugged.</summary>
    public async Task WatchAsync(string name)
    {
        await foreach (ChannelEvent change in VmChannels.WatchAsync())
        {
            if (change.Channel.Name == name)
            {
                Say($"{change.Kind}");
                if (change.Kind == ChannelEventKind.Unplugged)
                {
                    break;
                }
            }
        }
    }

    public void List()
    {
        foreach (ChannelInfo channel in VmChannels.List())
        {
            Say($"{channel.Name} {channel.Transport} {channel.DevicePath} {channel.Link} {channel.PortNumber} {channel.GuestOpen} {channel.HostOpen}");
        }
    }

    private static long Exchange(ChannelStream stream, int count)
    {
        byte[] buffer = new byte[1];
        long before = 0;
        for (int i = -1000; i < count; i++)
        {
            before = i == 0 ? GC.GetTotalAllocatedBytes(precise: true) : before;
            stream.Write(buffer);
            stream.ReadExactly(buffer);
        }

        return GC.GetTotalAllocatedBytes(precise: true) - before;
    }

    private static async Task<long> SendAndReceiveAsync(ChannelStream stream, long length)
    {
        Task<long> receive = ReceiveAsync(stream, length);
        await SendAsync(stream, length, 100_000);
        return await receive;
    }

    private static async Task SendAndDrainAsync(ChannelStream stream, long length)
    {
        using CancellationTokenSource stop = new();
        Task drain = DrainAsync(stream, stop.Token);
        await SendAsync(stream, length, 64);
        await stop.CancelAsync();
        await drain;
    }

    private static async Task SendAsync(ChannelStream stream, long length, int pieceBytes)
    {
        ByteSequence sequence = new(1);
        byte[] piece = new byte[pieceBytes];
        for (long position = 0; position < length; position += pieceBytes)
        {
            int count = (int)Math.Min(pieceBytes, length - position);
            sequence.Fill(position, piece.AsSpan(0, count));
            await stream.WriteAsync(piece.AsMemory(0, count));
        }
    }

    private static async Task<long> ReceiveAsync(ChannelStream stream, long length)
    {
        ByteSequence sequence = new(2);
        byte[] buffer = new byte[65536];
        long fault = -1;
        for (long position = 0; position < length;)
        {
            int count = await stream.ReadAsync(buffer.AsMemory(0, (int)Math.Min(buffer.Length, length - position)));
            fault = fault < 0 ? sequence.FindFault(position, buffer.AsSpan(0, count)) : fault;
            position += count;
        }

        return fault;
    }

    private static async Task DrainAsync(ChannelStream stream, CancellationToken stop)
    {
        byte[] buffer = new byte[100];
        try
        {
            while (await stream.ReadAsync(buffer, stop) > 0)
            {
            }
        }
        catch (OperationCanceledException)
        {
            // All is sent.
        }
    }

    private static async Task<bool> WasCancelledAsync(Task task)
    {
        try
        {
            await task;
            return false;
        }
        catch (OperationCanceledException)
        {
            return true;
        }
    }

    private static int Descriptors() => Directory.GetFileSystemEntries("/proc/self/fd").Length;

    private static string Threads()
    {
        int count = Directory.GetDirectories("/proc/self/task").Count(task => File.ReadAllText(Path.Join(task, "comm")).StartsWith("vmchannel", StringComparison.Ordinal));
        return count == 1 ? "1 thread" : string.Create(CultureInfo.InvariantCulture, $"{count} threads");
    }

    private void Say(string line)
    {
        output.WriteLine(line);
        output.Flush();
    }
}
