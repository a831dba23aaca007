using VmChannel.SystemTests.Rig;
using VmChannel.SystemTests.Usb;

namespace VmChannel.SystemTests.Library;

/// <summary>The library on USB serial adapters, with the stock driver.</summary>
[Collection<UsbTests>]
public sealed class UsbLibraryTests(OldXhciMachine machine)
{
    [Fact]
    public async Task Channel_OpenedTenTimes_WorksEachTime() =>
        Assert.StartsWith("10 cycles, ", await RunAsync("cycles", UsbMachine.Echo, 10), StringComparison.Ordinal);

    [Fact]
    public async Task Stream_HostComesAndGoes_IsTheCarrier()
    {
        Task<string> agent = machine.Guest.RunAsync($"rm -f /tmp/hosts; guest-agent hosts {UsbMachine.Second} 3 >/tmp/hosts; cat /tmp/hosts");
        for (int host = 1; host <= 3; host++)
        {
            using ChannelClient client = machine.Connect(UsbMachine.Second);
            await client.SendAsync($"host {host}\n");
            await client.ExpectAsync($"host {host}\n");
            client.Dispose();

            // The agent looks a few times a second.
            await machine.Guest.UntilAsync($"grep -q 'generation {host} over' /tmp/hosts");
        }

        Assert.Equal("generation 1 over\ngeneration 2 over\ngeneration 3 over", await agent);
    }

    [Fact]
    public async Task Open_ByASecondProcess_IsBusy()
    {
        string said = await machine.Guest.RunAsync(AgentBuilds.OpenTwice("guest-agent", UsbMachine.Second));
        Assert.Matches("ChannelBusyException: org.example.second .* is in use: another program has it open", said);
        Assert.EndsWith("\nopen, host closed", said, StringComparison.Ordinal);
    }

    [Fact]
    public async Task AdapterIsGone_WhileReading_IsUnplugged()
    {
        // EndStream: the host must stay, or the stream would have ended before.
        using ChannelClient client = machine.Connect(UsbMachine.Held);
        await client.SendAsync("hello");
        string said = await machine.Guest.RunAsync($$"""
            guest-agent read {{UsbMachine.Held}} >/tmp/unplug 2>&1 & p=$!
            until [ -s /tmp/unplug ]; do sleep 0.1; done
            tty=$(readlink -f {{UsbMachine.PathOf(UsbMachine.Held)}})
            a=/sys/class/tty/${tty##*/}/device/../..
            a=$(cd -P $a && pwd -P) && echo 0 >$a/authorized
            for ((n = 0; n < 500; n++)); do [ -e /proc/$p/exe ] || break; sleep 0.1; done
            echo 1 >$a/authorized
            cat /tmp/unplug
            """);
        await machine.WaitForLinksAsync();
        Assert.True(said.StartsWith("5 bytes\nChannelUnpluggedException: org.example.held (/dev/ttyUSB", StringComparison.Ordinal), said);
    }

    [Fact]
    public async Task Tool_OnAdapters_ListsAndOpensThem()
    {
        Assert.Matches(@"org\.example\.echo +- +/dev/ttyUSB[0-9]", await machine.Guest.RunAsync("vmchannel-guest list"));
        Assert.Equal("hello", await machine.Guest.RunAsync($"{{ echo hello; until [ -s /tmp/opened ]; do sleep 0.05; done; }} | vmchannel-guest open -q 0 {UsbMachine.Echo} >/tmp/opened; cat /tmp/opened; rm /tmp/opened"));
    }

    private Task<string> RunAsync(string scenario, string protocol, int number = 0) =>
        machine.Guest.RunAsync($"guest-agent {scenario} {protocol} {number}");
}
