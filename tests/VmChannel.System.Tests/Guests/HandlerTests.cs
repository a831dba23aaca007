using VmChannel.SystemTests.Rig;

namespace VmChannel.SystemTests.Guests;

/// <summary>Each opening in the guest is a connection of its own on the host, and <c>vmchannel-guest run</c> serves them one after the other.</summary>
[Collection<UmlTests>]
public sealed class HandlerTests(UmlMachine machine) : GuestTests(machine)
{
    /// <summary>The same program opens and closes the port again and again, as quickly as it can.</summary>
    [Fact]
    public async Task HundredOpenings_AreHundredConnections_AndNoByteIsAnothers()
    {
        string path = await PlugPairedAsync("openings");
        Task<string> guest = Guest.RunAsync(
            $"for ((i = 0; i < 100; i++)); do exec 5<>{path}; until read -r line <&5; do sleep 0.001; done; echo \"$line $i\" >&5; exec 5>&-; done; echo over",
            Patience.Long);
        for (int i = 0; i < 100; i++)
        {
            using ChannelClient client = Machine.ConnectFile("openings.sock");
            await client.SendAsync($"question{i}\n");
            Assert.Equal($"question{i} {i}\n", await client.ReceiveToEndAsync());
        }

        Assert.Equal("over", await guest);
        await UnplugAsync("test.openings");
    }

    [Fact]
    public async Task Run_FiftyConnectionsInTurn_EachHasAHandlerOfItsOwn()
    {
        _ = await PlugPairedAsync("fifty");
        string run = await StartAsync("test.fifty -- bash -c 'echo $VMCHANNEL_NAME $VMCHANNEL_GENERATION $VMCHANNEL_TRANSPORT; exec cat'");
        for (int i = 1; i <= 50; i++)
        {
            using ChannelClient client = Machine.ConnectFile("fifty.sock");
            await client.SendAsync($"line {i}\n");
            await client.ExpectAsync($"test.fifty {i} virtio-serial\nline {i}\n");
        }

        _ = await StopAsync(run);
        await UnplugAsync("test.fifty");
    }

    /// <summary>The handler's exit is the end of the client's connection, after all that it wrote.</summary>
    [Fact]
    public async Task Run_HandlerEnds_ClientGetsAllAndTheEnd()
    {
        _ = await PlugPairedAsync("ends");
        string run = await StartAsync("test.ends --restart-delay=0 -- bash -c 'head -c 1000000 /dev/zero; exit 3'");
        for (int i = 0; i < 3; i++)
        {
            using ChannelClient client = Machine.ConnectFile("ends.sock");
            Assert.Equal(1_000_000, (await client.ReceiveToEndAsync()).Length);
        }

        _ = await StopAsync(run);
        Assert.Contains("failed with exit code 3", await Guest.RunAsync("cat /tmp/run.log"), StringComparison.Ordinal);
        await UnplugAsync("test.ends");
    }

    [Fact]
    public async Task Run_HostClosesInMidTransfer_HandlerEndsAndTheNextIsServed()
    {
        _ = await PlugPairedAsync("mid");
        string run = await StartAsync("test.mid --restart-delay=0 -- bash -c 'echo begin; exec cat /dev/zero'");
        for (int i = 0; i < 3; i++)
        {
            using ChannelClient client = Machine.ConnectFile("mid.sock");
            await client.ExpectAsync("begin\n");
            byte[] some = new byte[200_000];
            await client.Stream.ReadExactlyAsync(some, TestContext.Current.CancellationToken);
            Assert.All(some, each => Assert.Equal(0, each));
        }

        _ = await StopAsync(run);
        await UnplugAsync("test.mid");
    }

    [Fact]
    public async Task Run_HandlerThatIgnoresItsEnd_IsKilled()
    {
        _ = await PlugPairedAsync("stubborn");
        string run = await StartAsync("test.stubborn --kill-after=0.2 --restart-delay=0 -- bash -c 'trap \"\" TERM; cat; while :; do sleep 1; done'");
        for (int i = 0; i < 2; i++)
        {
            using ChannelClient client = Machine.ConnectFile("stubborn.sock");
            await client.SendAsync($"to {i}");
            await client.ExpectAsync($"to {i}");
        }

        await Guest.UntilAsync("grep -q 'was ended by signal 9' /tmp/run.log");
        _ = await StopAsync(run);
        await UnplugAsync("test.stubborn");
    }

    [Fact]
    public async Task Run_UnpluggedAndPluggedAgain_GoesOn()
    {
        _ = await PlugPairedAsync("again");
        string run = await StartAsync("test.again -- cat");
        for (int i = 0; i < 2; i++)
        {
            using (ChannelClient client = Machine.ConnectFile("again.sock"))
            {
                await client.SendAsync("there");
                await client.ExpectAsync("there");
                await UnplugAsync("test.again");
            }

            _ = await PlugPairedAsync("again");
        }

        _ = await StopAsync(run);
        await UnplugAsync("test.again");
    }

    [Fact]
    public async Task Run_PortThatAnotherHasOpen_SaysSo()
    {
        _ = await PlugPairedAsync("busy");
        string run = await StartAsync("test.busy -- cat");
        GuestResult second = await Guest.TryAsync("vmchannel-guest run test.busy -- cat");

        Assert.Equal(1, second.Code);
        Assert.Contains("another", second.Output, StringComparison.Ordinal);
        _ = await StopAsync(run);
        await UnplugAsync("test.busy");
    }

    private Task<string> PlugPairedAsync(string name)
        => PlugAsync($"test.{name}", $"char=unix:{Machine.File($"{name}.sock")},server,on-guest-close=disconnect");

    /// <summary>Starts the tool, and waits until it holds the port.</summary>
    private async Task<string> StartAsync(string arguments)
    {
        string pid = await Guest.RunAsync($"rm -f /tmp/run.log; vmchannel-guest run {arguments} </dev/null >/tmp/run.log 2>&1 & echo $!");
        await Guest.UntilAsync($"ls -l /proc/{pid}/fd | grep -q /dev/vport");
        return pid;
    }

    private Task<string> StopAsync(string pid) => Guest.RunAsync($"kill {pid}; while [ -e /proc/{pid} ] && ! grep -q 'State:.*Z' /proc/{pid}/status; do sleep 0.02; done");
}
