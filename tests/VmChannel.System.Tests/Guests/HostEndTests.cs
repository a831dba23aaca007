using VmChannel.SystemTests.Rig;

namespace VmChannel.SystemTests.Guests;

/// <summary>Host ends that come late, go and come back: nothing is lost, nothing comes twice.</summary>
public abstract class HostEndTests(Machine machine, int parts) : GuestTests(machine)
{
    [Fact]
    public async Task GuestBytes_WrittenBeforeTheHostEndComes_AreAllDelivered()
    {
        Pattern pattern = new("late", parts);
        Task<string> writer = Guest.RunAsync($"{pattern.GuestWriter} > {Machine.PathOf(Machine.Held)}", Patience.Long);
        await Guest.UntilAsync("[ -e /tmp/p.late ]");
        using ChannelClient client = Machine.Connect(Machine.Held);

        Assert.Equal(pattern.Length, await pattern.CheckAsync(client.Stream));
        await writer;
    }

    [Fact]
    public async Task GuestBytes_WhileHostEndsComeAndGo_ContinueWhereTheLastStopped()
    {
        Pattern pattern = new("relay", parts);
        Task<string> writer = Guest.RunAsync($"{pattern.GuestWriter} > {Machine.PathOf(Machine.Held)}", Patience.Long);
        long position = 0;
        const int Clients = 7;
        for (int turn = 1; turn <= Clients; turn++)
        {
            using ChannelClient client = Machine.Connect(Machine.Held);
            position = await pattern.CheckAsync(client.Stream, position, pattern.Length * turn / Clients);
            if (turn < Clients)
            {
                // The polite way to leave: what was sent already is read to its end.
                client.StopReceiving();
                position = await pattern.CheckAsync(client.Stream, position);
                Assert.InRange(position, 1, pattern.Length - 1);
            }
        }

        Assert.Equal(pattern.Length, position);
        await writer;
    }

    [Fact]
    public async Task HostBytes_SentBeforeTheGuestOpens_AreAllDelivered()
    {
        Pattern pattern = new("early", parts);
        using ChannelClient client = Machine.Connect(Machine.Spare);
        Task sender = pattern.WriteAsync(client.Stream);
        Task<string> checksum = Guest.RunAsync(GuestScripts.TakeChecksum(Machine.PathOf(Machine.Spare), pattern.Length), Patience.Long);

        Assert.Equal(await pattern.ChecksumAsync(), await checksum);
        await sender;
    }

    [Fact]
    public async Task BothDirections_AtOnce_KeepEveryByte()
    {
        Pattern up = new("up", parts);
        Pattern down = new("down", parts);
        using ChannelClient client = Machine.Connect(Machine.Spare);
        Task<string> guest = Guest.RunAsync(
            $"exec 5<>{Machine.PathOf(Machine.Spare)}; {up.GuestWriter} >&5 & {{ {GuestScripts.Take(5, down.Length)}; }} | cksum; wait", Patience.Long);
        Task sender = down.WriteAsync(client.Stream);

        Assert.Equal(up.Length, await up.CheckAsync(client.Stream));
        Assert.Equal(await down.ChecksumAsync(), await guest);
        await sender;
    }

    [Fact]
    public async Task GuestBytes_OnAChannelThatDiscards_NeverMakeTheGuestWait()
    {
        // No host end: all of it goes nowhere. With one, its bytes arrive.
        Pattern pattern = new("gone", 1);
        await Guest.RunAsync($"{pattern.GuestWriter} > {Machine.PathOf(Machine.Dropped)}", Patience.Long);
        using ChannelClient client = Machine.Connect(Machine.Dropped);
        await Machine.Serve.Log.WaitForAsync("host");
        await Guest.RunAsync($"echo here > {Machine.PathOf(Machine.Dropped)}");

        await client.ExpectAsync("here\n");
    }
}

[Collection<UmlTests>]
public sealed class HostEndOnUmlTests(UmlMachine machine) : HostEndTests(machine, parts: 16);

[Collection<QemuTests>]
public sealed class HostEndOnQemuTests(QemuMachine machine) : HostEndTests(machine, parts: 4);
