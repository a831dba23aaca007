using VmChannel.Control;
using VmChannel.SystemTests.Rig;

namespace VmChannel.SystemTests.Clients;

/// <summary>Many clients see what the guest writes.</summary>
public abstract class BroadcastTests(Machine machine) : GuestTests(machine)
{
    private const int Clients = 64;
    private const int Stuck = Clients / 2;

    /// <summary>The clients read in step, so that on a slow machine nobody but the stuck one falls behind by a buffer.</summary>
    private const int Step = 128 * 1024;

    [Fact]
    public async Task Broadcast_SixtyFourClientsAndOneStuck_DropsThatOneAndTheOthersGetEverything()
    {
        string path = await PlugAsync("test.many", $"char=unix:{Machine.File("many.sock")},server,clients={Clients},mode=broadcast,buffer=1M");
        await using EventTrail trail = await EventTrail.StartAsync(Machine.Serve);
        Pattern pattern = new("many", 1);
        List<ChannelClient> clients = [];
        try
        {
            // The first one holds the channel.
            for (int n = 0; n < Clients; n++)
            {
                clients.Add(Machine.ConnectFile("many.sock"));
            }

            await Patience.UntilAsync(() => trail.All.Count(IsArrival) == Clients, () => $"not all were let in:\n{trail}");
            Task<string> writer = Guest.RunAsync($"{pattern.GuestWriter} > {path}", Patience.Long);
            ChannelClient[] readers = [.. clients.Where((_, n) => n != Stuck)];
            for (long position = 0; position < pattern.Length; position = Math.Min(position + Step, pattern.Length))
            {
                long[] ends = await Task.WhenAll(readers.Select(client => pattern.CheckAsync(client.Stream, position, Math.Min(position + Step, pattern.Length))));
                Assert.All(ends, end => Assert.Equal(Math.Min(position + Step, pattern.Length), end));
            }

            await writer;
            ChannelEvent dropped = await trail.WaitForAsync("client-dropped", "test.many");
            Assert.Contains("it is more than 1048576 bytes behind the guest: see buffer=", dropped.Cause, StringComparison.Ordinal);
            Assert.Equal(1, trail.All.Count(told => told.Kind == "client-dropped"));
            await Machine.Serve.Log.WaitForAsync("dropped: ");

            // What it had been sent is good as far as it goes.
            Assert.InRange(await pattern.CheckAsync(clients[Stuck].Stream), 1, pattern.Length - 1);
        }
        finally
        {
            clients.ForEach(client => client.Dispose());
        }

        await UnplugAsync("test.many");

        static bool IsArrival(ChannelEvent told) => told is { Protocol: "test.many", Kind: "client-connected" };
    }

    [Fact]
    public async Task Broadcast_WhenTheHolderLeaves_TheNextGoesOnWithTheNextByte()
    {
        string path = await PlugAsync("test.heir", $"char=unix:{Machine.File("heir.sock")},server,clients=2,mode=broadcast,buffer=64M");
        await using EventTrail trail = await EventTrail.StartAsync(Machine.Serve);
        Pattern pattern = new("heir", 4);
        using ChannelClient holder = Machine.ConnectFile("heir.sock");
        await Patience.UntilAsync(() => trail.All.Count(IsArrival) == 1, trail.ToString);
        Task<string> writer = Guest.RunAsync($"{pattern.GuestWriter} > {path}", Patience.Long);
        Assert.Equal(pattern.Length / 4, await pattern.CheckAsync(holder.Stream, 0, pattern.Length / 4));
        using ChannelClient next = Machine.ConnectFile("heir.sock");
        await Patience.UntilAsync(() => trail.All.Count(IsArrival) == 2, trail.ToString);
        Assert.Equal(pattern.Length / 2, await pattern.CheckAsync(holder.Stream, pattern.Length / 4, pattern.Length / 2));
        holder.Dispose();
        await trail.WaitForAsync("client-promoted", "test.heir");

        // It came somewhere in the middle; from there on nothing is missing.
        byte[] rest = await ReadUntilWrittenAsync(next, writer);
        using MemoryStream bytes = new(rest);
        Assert.Equal(pattern.Length, await pattern.CheckAsync(bytes, pattern.Length - rest.Length));
        await UnplugAsync("test.heir");

        static bool IsArrival(ChannelEvent told) => told is { Protocol: "test.heir", Kind: "client-connected" };
    }

    [Fact]
    public async Task History_ForALateClient_IsTheLastBytesAndThenWhatFollows()
    {
        string path = await PlugAsync("test.late", $"char=unix:{Machine.File("late.sock")},server,clients=2,mode=broadcast,history=64K");
        using ChannelClient early = Machine.ConnectFile("late.sock");
        Pattern pattern = new("history", 1);
        Task<string> writer = Guest.RunAsync($"{pattern.GuestWriter} > {path}", Patience.Long);
        Assert.Equal(pattern.Length, await pattern.CheckAsync(early.Stream));
        await writer;
        using ChannelClient late = Machine.ConnectFile("late.sock");

        Assert.Equal(pattern.Length, await pattern.CheckAsync(late.Stream, pattern.Length - (64 * 1024)));
        await Guest.RunAsync($"echo and on > {path}");
        await late.ExpectAsync("and on\n");
        await early.ExpectAsync("and on\n");
        await UnplugAsync("test.late");
    }

    /// <summary>Reads what comes until the guest has written all, and says so on the channel.</summary>
    private async Task<byte[]> ReadUntilWrittenAsync(ChannelClient client, Task<string> writer)
    {
        byte[] end = "the end\n"u8.ToArray();
        Task ending = EndAsync();
        using MemoryStream all = new();
        byte[] buffer = new byte[1 << 16];
        while (!all.GetBuffer().AsSpan(0, (int)all.Length).EndsWith(end))
        {
            int count = await client.Stream.ReadAsync(buffer).AsTask().WaitAsync(Patience.Long);
            Assert.NotEqual(0, count);
            await all.WriteAsync(buffer.AsMemory(0, count));
        }

        await ending;
        return all.ToArray()[..^end.Length];

        async Task EndAsync()
        {
            await writer;
            await Guest.RunAsync($"echo the end > {Machine.PathOf("test.heir")}");
        }
    }
}

[Collection<UmlTests>]
public sealed class BroadcastOnUmlTests(UmlMachine machine) : BroadcastTests(machine);

[Collection<QemuTests>]
public sealed class BroadcastOnQemuTests(QemuMachine machine) : BroadcastTests(machine);
