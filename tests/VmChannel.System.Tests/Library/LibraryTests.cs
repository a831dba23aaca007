using System.Globalization;
using System.Text.RegularExpressions;
using VmChannel.GuestAgent;
using VmChannel.SystemTests.Rig;

namespace VmChannel.SystemTests.Library;

/// <summary>The library in a real guest. Each test runs twice: by the runtime in the guest, and as native code.</summary>
public abstract partial class LibraryTests(AgentMachine machine, AgentBuild build)
{
    private protected AgentMachine Machine { get; } = machine;

    [Fact]
    public async Task Channel_OpenedAHundredTimes_WorksEachTime() =>
        Assert.Matches("^100 cycles, [0-9]+ descriptors, 1 thread of the library$", await RunAsync("cycles", AgentMachine.Echo, 100));

    [Fact]
    public async Task Stream_HostComesAndGoesAHundredTimes_LosesAndRepeatsNothing()
    {
        const int Mebibytes = 100;
        const int Turns = 100;
        const long Length = Mebibytes * 1024L * 1024;
        Task<string> agent = RunAsync("exchange", AgentMachine.Flapping, Mebibytes);
        long position = 0;
        for (int turn = 1; turn <= Turns; turn++)
        {
            using ChannelClient client = Machine.Connect(AgentMachine.Flapping);
            Task send = SendAsync(client.Stream, Length * (turn - 1) / Turns, Length * turn / Turns);
            position = await CheckAsync(client.Stream, position, Length * turn / Turns);
            await send;
            if (turn < Turns)
            {
                // The polite way to leave: what was sent already is read to its end.
                client.StopReceiving();
                position = await CheckAsync(client.Stream, position, Length);
            }
        }

        Assert.Equal(Length, position);
        string said = await agent;
        Match match = Exchanged().Match(said);
        Assert.True(match.Success, said);
        Assert.InRange(int.Parse(match.Groups[1].Value, CultureInfo.InvariantCulture), 2, Turns);
    }

    [Fact]
    public async Task SmallWrites_AtAFullRingBesideReads_DoNotStall()
    {
        // The server wakes nobody here: the library alone must not fall for the driver's lost wake-up.
        const int Mebibytes = 4;
        const long Length = Mebibytes * 1024L * 1024;
        Task<string> agent = RunAsync("crowd", AgentMachine.Crowded, Mebibytes);
        using ChannelClient client = Machine.Connect(AgentMachine.Crowded);
        ByteSequence sequence = new(1);
        byte[] buffer = new byte[1 << 20];
        for (long position = 0; position < Length;)
        {
            // A byte for the guest makes its poller look at the ring; a burst is taken at once and then none for a while, so that it is full.
            await client.SendAsync("x");
            await Task.Delay(2, TestContext.Current.CancellationToken);
            // When it has sent all, the rest may still be on its way.
            while (client.Stream.DataAvailable || (agent.IsCompletedSuccessfully && position < Length))
            {
                int count = await client.Stream.ReadAsync(buffer, TestContext.Current.CancellationToken).AsTask().WaitAsync(Patience.Short, TestContext.Current.CancellationToken);
                Assert.Equal(-1, sequence.FindFault(position, buffer.AsSpan(0, count)));
                position += count;
            }

            Assert.False(agent.IsFaulted, "the agent ended early");
        }

        Assert.StartsWith($"sent {Length}, received ", await agent, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Unplug_WhileReading_IsSaid()
    {
        string name = $"org.example.unread{build}";
        await Machine.ChangeAsync("plug", $"protocol={name},char=unix:{Machine.File(name)},server");
        string said = $"/tmp/{name}";
        Task<string> agent = Machine.Guest.RunAsync($"{build.Command()} read {name} >{said}; cat {said}; rm {said}", Patience.Long);
        using (ChannelClient client = ChannelClient.Connect(Machine.File(name)))
        {
            await client.SendAsync("hello");
            await Machine.Guest.UntilAsync($"[ -s {said} ]");
            await Machine.ChangeAsync("unplug", name);
        }

        Assert.Matches($@"^5 bytes\nChannelUnpluggedException: {name} \(/dev/vport0p[0-9]+\) was unplugged by the host; .*$", await agent);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Unplug_WhileWriting_IsSaid(bool hostIsThere)
    {
        string name = $"org.example.unwritten{build}{hostIsThere}";
        await Machine.ChangeAsync("plug", $"protocol={name},char=unix:{Machine.File(name)},server");
        using ChannelClient? client = hostIsThere ? ChannelClient.Connect(Machine.File(name)) : null;
        Task<string> agent = RunAsync("write", name);
        await Machine.WaitForAsync(name, port => port.IsGuestOpen && (!hostIsThere || port.StalledSince is not null || port.ThrottledSince is not null));
        await Machine.ChangeAsync("unplug", name);
        Assert.Matches($@"^ChannelUnpluggedException: {name} \(/dev/vport0p[0-9]+\) was unplugged by the host; .*$", await agent);
    }

    [Fact]
    public async Task Open_ByASecondProcess_IsBusy()
    {
        string said = await Machine.Guest.RunAsync(AgentBuilds.OpenTwice(build.Command(), AgentMachine.Held), Patience.Long);
        Assert.Matches(@"ChannelBusyException: org.example.held \(/dev/vport0p2\) is in use: another program has it open", said);
        Assert.EndsWith("\nopen, host closed", said, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Open_AConsole_IsRefused() =>
        Assert.Matches(@"^ChannelException: org.example.console \(/dev/vport0p0\) is a console, not a channel", await RunAsync("open", AgentMachine.Console));

    [Fact]
    public async Task Cancellation_TenThousandTimes_LeavesNothingBehind() =>
        Assert.Matches("^10000 cancelled, 0 descriptors more, 1 thread of the library, 0 bytes written$", await RunAsync("cancel", AgentMachine.Held, 10_000));

    [Fact]
    public async Task ReadsAndWrites_ThatWait_AllocateNothing()
    {
        string said = await RunAsync("allocate", AgentMachine.Echo, 5_000);
        Match match = Allocated().Match(said);
        Assert.True(match.Success, said);
        Assert.InRange(int.Parse(match.Groups[1].Value, CultureInfo.InvariantCulture), 2_500, 5_000);
        Assert.InRange(int.Parse(match.Groups[2].Value, CultureInfo.InvariantCulture), 0, 4_999);
        if (build == AgentBuild.Native)
        {
            Assert.InRange(int.Parse(match.Groups[3].Value, CultureInfo.InvariantCulture), 0, 4_999);
        }
    }

    [Fact]
    public async Task List_Channels_HasTheirDevicesAndLinks()
    {
        string said = await RunAsync("list", "-");
        Assert.Contains("org.example.echo VirtioSerial /dev/vport0p1 /dev/vmchannel/org/example/echo 1", said, StringComparison.Ordinal);
    }

    private static async Task SendAsync(Stream target, long from, long to)
    {
        ByteSequence sequence = new(2);
        byte[] piece = new byte[65536];
        for (long position = from; position < to;)
        {
            int count = (int)Math.Min(piece.Length, to - position);
            sequence.Fill(position, piece.AsSpan(0, count));
            await target.WriteAsync(piece.AsMemory(0, count));
            position += count;
        }
    }

    private static async Task<long> CheckAsync(Stream source, long position, long to)
    {
        ByteSequence sequence = new(1);
        byte[] buffer = new byte[65536];
        using CancellationTokenSource limit = new(Patience.Long);
        while (position < to)
        {
            int count = await source.ReadAsync(buffer.AsMemory(0, (int)Math.Min(buffer.Length, to - position)), limit.Token);
            if (count == 0)
            {
                break;
            }

            Assert.Equal(-1, sequence.FindFault(position, buffer.AsSpan(0, count)));
            position += count;
        }

        return position;
    }

    private Task<string> RunAsync(string scenario, string protocol, int number = 0) =>
        Machine.Guest.RunAsync($"{build.Command()} {scenario} {protocol} {number}", Patience.Long);

    [GeneratedRegex("^sent 104857600, received 104857600, first fault -1, generations ([0-9]+)$")]
    private static partial Regex Exchanged();

    [GeneratedRegex("^5000 exchanges, ([0-9]+) waits, ([0-9]+) bytes, ([0-9]+) bytes with awaits$")]
    private static partial Regex Allocated();
}

[Collection<AgentTests>]
public sealed class LibraryByJitTests(AgentMachine machine) : LibraryTests(machine, AgentBuild.Jit);

[Collection<AgentTests>]
public sealed class LibraryAsNativeCodeTests(AgentMachine machine) : LibraryTests(machine, AgentBuild.Native)
{
    [Fact]
    public async Task Open_WithoutRights_NamesTheGroup() =>
        Assert.Matches(
            @"^ChannelAccessDeniedException: org.example.held \(/dev/vport0p2\): permission denied; the user must be root or in the group vmchannel",
            await Machine.Guest.RunAsync($"{AgentMachine.CommandForNobody(Executables.GuestAgent)} open {AgentMachine.Held}"));

    [Fact]
    public async Task Watch_ByAnOrdinaryUser_TellsOfPlugsByName()
    {
        string name = "org.example.watched";
        Task<string> agent = Machine.Guest.RunAsync($"{AgentMachine.CommandForNobody(Executables.GuestAgent)} watch {name} >/tmp/watched; cat /tmp/watched", Patience.Long);
        await Machine.ChangeAsync("plug", $"protocol={name},service=echo");
        await Machine.Guest.UntilAsync("grep -q Plugged /tmp/watched 2>/dev/null");
        await Machine.ChangeAsync("unplug", name);
        Assert.Equal("Plugged\nUnplugged", await agent);
    }
}
