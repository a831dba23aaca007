using VmChannel.SystemTests.Rig;

namespace VmChannel.SystemTests.HotPlug;

/// <summary>Ports come and go while the guest runs, whatever it does with them.</summary>
public abstract class HotPlugTests(Machine machine) : GuestTests(machine)
{
    [Fact]
    public async Task Plug_WhileTheGuestRuns_MakesALinkThatUnplugTakesAway()
    {
        string path = await PlugAsync("test.plain", "service=echo");

        Assert.Equal("welcome", await Guest.RunAsync(GuestScripts.Exchange(path, "welcome")));
        await UnplugAsync("test.plain");
        Assert.Equal(2, (await Guest.TryAsync("ls /dev/vmchannel/test/plain")).Code);
    }

    [Fact]
    public async Task Unplug_WhileAGuestProgramReads_EndsItsRead()
    {
        string path = await PlugAsync("test.read", $"char=unix:{Machine.File("read.sock")},server");
        using ChannelClient client = Machine.ConnectFile("read.sock");
        Task<GuestResult> reader = Guest.TryAsync($"exec 5<>{path}; echo reading >&5; cat <&5; echo ended");
        await client.ExpectAsync("reading\n");
        await client.SendAsync("some");
        await UnplugAsync("test.read");

        GuestResult result = await reader;
        Assert.Matches("^(some)?cat: .*: No such device\nended\n$", result.Output);
        Assert.Equal(0, await client.Stream.ReadAsync(new byte[1], TestContext.Current.CancellationToken));
    }

    [Fact]
    public async Task Unplug_WhileAGuestProgramWrites_EndsItsWriteAndTheClientSeesABeginning()
    {
        string path = await PlugAsync("test.write", $"char=unix:{Machine.File("write.sock")},server");
        Pattern pattern = new("unplugged", 64);
        using ChannelClient client = Machine.ConnectFile("write.sock");
        Task<GuestResult> writer = Guest.TryAsync($"{pattern.GuestWriter} > {path}", Patience.Long);
        long position = await pattern.CheckAsync(client.Stream, 0, Pattern.Block.Length);
        Task<long> rest = pattern.CheckAsync(client.Stream, position);
        await UnplugAsync("test.write");

        // What was taken from the guest before the unplug is the client's, and nothing else follows.
        Assert.InRange(await rest, position, pattern.Length - 1);
        GuestResult result = await writer;
        Assert.Equal(1, result.Code);
        Assert.Contains("No such device", result.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Unplug_WhileFull_FreesTheWriterAndTheNextPortStartsEmpty()
    {
        string path = await PlugAsync("test.full", $"port=9,char=unix:{Machine.File("full.sock")},server");
        using (ChannelClient stuck = Machine.ConnectFile("full.sock"))
        {
            Task<GuestResult> writer = Guest.TryAsync($"cat /dev/zero > {path}", Patience.Long);
            await UntilStandsStillAsync("test.full");
            await UnplugAsync("test.full");
            Assert.Equal(1, (await writer).Code);
        }

        await PlugAsync("test.full", $"port=9,char=unix:{Machine.File("full.sock")},server");
        using ChannelClient client = Machine.ConnectFile("full.sock");
        await Guest.ExchangeAsync(path, client);
        await UnplugAsync("test.full");
    }

    [Fact]
    public async Task Plug_OfTheSameNumberAndName_IsANewPortEachTime()
    {
        for (int turn = 0; turn < 5; turn++)
        {
            string path = await PlugAsync("test.again", $"port=11,char=unix:{Machine.File("again.sock")},server");
            using ChannelClient client = Machine.ConnectFile("again.sock");
            await Guest.ExchangeAsync(path, client);
            Control.PortInfo port = await Machine.Serve.Control.GetPortAsync("device", "again", TestContext.Current.CancellationToken);
            Assert.Equal((11, 1, "from the guest\n".Length), (port.Number, port.GuestGeneration, (int)port.Counters.FromGuestBytes));

            // Closed and open in turns: the old one's end must never reach the new one.
            Task<GuestResult>? holder = turn % 2 == 0 ? null : Guest.TryAsync($"exec 5<>{path}; echo open >&5; cat <&5");
            await (holder is null ? Task.CompletedTask : client.ExpectAsync("open\n"));
            await UnplugAsync("test.again");
            _ = holder is null ? default : await holder;
        }
    }

    /// <summary>Waits until bytes of the guest were taken, and none are any more.</summary>
    private async Task UntilStandsStillAsync(string protocol)
    {
        long last = -1;
        for (long taken = 0; taken == 0 || taken != last; taken = await TakenAsync())
        {
            last = taken;
            await Task.Delay(200, TestContext.Current.CancellationToken);
        }

        async Task<long> TakenAsync() =>
            (await Machine.Serve.Control.GetPortAsync("device", protocol, TestContext.Current.CancellationToken)).Counters.FromGuestBytes;
    }
}

[Collection<UmlTests>]
public sealed class HotPlugOnUmlTests(UmlMachine machine) : HotPlugTests(machine);

[Collection<QemuTests>]
public sealed class HotPlugOnQemuTests(QemuMachine machine) : HotPlugTests(machine);
