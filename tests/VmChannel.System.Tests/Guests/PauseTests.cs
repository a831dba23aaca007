using VmChannel.SystemTests.Rig;

namespace VmChannel.SystemTests.Guests;

/// <summary>A guest that is paused, or starts over, in the middle of transfers.</summary>
[Collection<QemuTests>]
public sealed class PauseTests(QemuMachine machine) : GuestTests(machine)
{
    [Fact]
    public async Task Transfers_WhileTheGuestIsPausedAndResumed_LoseNothing()
    {
        Pattern up = new("up", 6);
        Pattern down = new("down", 6);
        using ChannelClient client = Machine.Connect(Machine.Held);
        using ChannelClient spare = Machine.Connect(Machine.Spare);
        Task<string> writer = Guest.RunAsync($"{up.GuestWriter} > {Machine.PathOf(Machine.Held)}", Patience.Long);
        Task<string> reader = Guest.RunAsync(GuestScripts.TakeChecksum(Machine.PathOf(Machine.Spare), down.Length), Patience.Long);
        Task sender = down.WriteAsync(spare.Stream);
        long position = 0;
        for (int turn = 1; turn < 6; turn++)
        {
            position = await up.CheckAsync(client.Stream, position, up.Length * turn / 6);
            await machine.Control.ExecuteAsync("stop");
            await machine.Control.ExecuteAsync("cont");
        }

        Assert.Equal(up.Length, await up.CheckAsync(client.Stream, position));
        Assert.Equal(await down.ChecksumAsync(), await reader);
        await writer;
        await sender;
    }

    [Fact]
    public async Task Channels_AfterARebootInMidTransfer_WorkWithTheSameClients()
    {
        Pattern pattern = new("reboot", 32);
        using ChannelClient client = Machine.Connect(Machine.Held);
        _ = Guest.TryAsync($"{pattern.GuestWriter} > {Machine.PathOf(Machine.Held)}").ContinueWith(task => task.Exception, TaskScheduler.Default);
        long position = await pattern.CheckAsync(client.Stream, 0, pattern.Length / 32);
        int boots = Guest.Boots;
        await machine.Control.ExecuteAsync("system_reset");
        await Guest.WaitForBootAsync(boots + 1);
        await Machine.WaitForLinksAsync();

        // The stream of the first life ends somewhere; what follows is the second one's.
        Task<string> answer = Guest.RunAsync(GuestScripts.Exchange(Machine.PathOf(Machine.Held), "second life"));
        await pattern.CheckUntilAsync(client.Stream, position, "second life\n");
        await client.SendAsync("welcome\n");
        Assert.Equal("welcome", await answer);
    }
}
