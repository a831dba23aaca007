using VmChannel.Control;
using VmChannel.SystemTests.Rig;

namespace VmChannel.SystemTests.Reports;

/// <summary>Every change of a real guest's channels is told, in order, with its cause and generation, and nothing besides.</summary>
public abstract class EventTests(Machine machine) : GuestTests(machine)
{
    private const string Driver = "/sys/bus/virtio/drivers/virtio_console";

    [Fact]
    public async Task Events_OfAPortsLife_AreToldOneByOne()
    {
        const string Name = "test.life";
        await using EventTrail trail = await EventTrail.StartAsync(Machine.Serve);
        string path = await PlugAsync(Name, $"char=unix:{Machine.File("life.sock")},server");
        await trail.ExpectAsync(Name, "plugged", "ready", "named");
        for (int generation = 1; generation <= 2; generation++)
        {
            using (ChannelClient client = Machine.ConnectFile("life.sock"))
            {
                await trail.ExpectAsync(Name, $@"host-opened {generation} unix:.*life\.sock \(process {Environment.ProcessId}, user \d+\)");
                await Guest.RunAsync(GuestScripts.Hold(path));
                await trail.ExpectAsync(Name, $"guest-opened {generation}");
                await Guest.RunAsync(GuestScripts.LetGo);
                await trail.ExpectAsync(Name, $"guest-closed {generation}");
            }

            await trail.ExpectAsync(Name, $"host-closed {generation}( .+)?");
        }

        await SetAsync(Name, "rate=1M");
        await trail.ExpectAsync(Name, "changed limits");
        await Guest.RunAsync(GuestScripts.Hold(path));
        await trail.ExpectAsync(Name, "guest-opened 3");
        await UnplugAsync(Name);
        await trail.ExpectAsync(Name, "guest-closed 3 .*unplugged.*", "unplugged");
        await Guest.RunAsync(GuestScripts.LetGo);
    }

    [Fact]
    public async Task Events_WhenTheDriverStartsOver_NameIt()
    {
        const string Name = "test.rebound";
        await PlugAsync(Name, "service=sink");
        await Guest.RunAsync(GuestScripts.Hold(Machine.PathOf(Name)));
        await using EventTrail trail = await EventTrail.StartAsync(Machine.Serve);
        string device = await Guest.RunAsync($"cd {Driver}; for d in virtio*; do echo $d; done");
        await Guest.RunAsync($"echo {device} > {Driver}/unbind");
        await Guest.RunAsync(GuestScripts.LetGo);
        await Guest.RunAsync($"echo {device} > {Driver}/bind");
        await Machine.WaitForLinksAsync();

        Assert.NotNull((await trail.WaitForAsync("driver-reset", null)).Cause);
        await trail.WaitForAsync("driver-ready", null);
        Assert.NotNull((await trail.WaitForAsync("guest-closed", Name)).Cause);
        await trail.WaitForAsync("ready", Name);
        await trail.WaitForAsync("named", Name);
        await UnplugAsync(Name);
    }

    [Fact]
    public async Task Events_ForAListenerThatIsSlow_SayHowManyItMissed()
    {
        const string Name = "test.flood";
        const int Turns = 8000;
        string path = await PlugAsync(Name, "service=sink");
        CancellationToken cancellation = TestContext.Current.CancellationToken;
        long before = (await Machine.Serve.Control.GetServerAsync(cancellation)).LastEvent;
        await using IAsyncEnumerator<EventMessage> slow = Machine.Serve.Control.WatchAsync(after: before, cancellationToken: cancellation).GetAsyncEnumerator(cancellation);
        await Guest.RunAsync($"exec 5<>{path}; exec 5>&-");
        Assert.True(await slow.MoveNextAsync());
        Assert.Equal(before + 1, slow.Current.Event?.Id);

        // It reads no more, while more happens than the server keeps and the connection holds.
        await Guest.RunAsync($"for ((n = 1; n < {Turns}; n++)); do exec 5<>{path}; exec 5>&-; done", Patience.Long);
        long last = before;
        await Patience.UntilAsync(() => (last = LastAsync().Result) >= before + (2 * Turns), () => $"{last - before} events of {2 * Turns}");
        long next = before + 2;
        long missed = 0;
        long opened = 1;
        for (; next <= last; next++)
        {
            Assert.True(await slow.MoveNextAsync().AsTask().WaitAsync(Patience.Short, cancellation));
            if (slow.Current.Missed is MissedEvents gap)
            {
                missed += gap.Count;
                next += gap.Count;
                Assert.True(await slow.MoveNextAsync());
            }

            Assert.Equal(next, slow.Current.Event?.Id);
            opened = slow.Current.Event is { Kind: "guest-opened", Generation: long generation } ? generation : opened;
        }

        Assert.InRange(missed, 1, 2 * Turns);
        Assert.Equal(Turns, opened);
        await UnplugAsync(Name);

        async Task<long> LastAsync() => (await Machine.Serve.Control.GetServerAsync(cancellation)).LastEvent;
    }
}

[Collection<UmlTests>]
public sealed class EventOnUmlTests(UmlMachine machine) : EventTests(machine);

[Collection<QemuTests>]
public sealed class EventOnQemuTests(QemuMachine machine) : EventTests(machine)
{
    [Fact]
    public async Task Events_OfAPauseAndAReboot_TellThemApart()
    {
        const string Name = "test.paused";
        await PlugAsync(Name, "service=sink");
        await Guest.RunAsync(GuestScripts.Hold(Machine.PathOf(Name)));
        await using EventTrail trail = await EventTrail.StartAsync(Machine.Serve);
        await machine.Control.ExecuteAsync("stop");
        await trail.ExpectAsync(Name, "suspended");
        await machine.Control.ExecuteAsync("cont");
        await trail.ExpectAsync(Name, "resumed");
        int boots = Guest.Boots;
        await machine.Control.ExecuteAsync("system_reset");
        await Guest.WaitForBootAsync(boots + 1);
        await Machine.WaitForLinksAsync();
        await trail.ExpectAsync(Name, "suspended", "guest-closed 1 .+", "ready", "named");
        await trail.WaitForAsync("driver-reset", null);
        await UnplugAsync(Name);
    }
}

/// <summary>The front-end itself comes and goes.</summary>
public sealed class FrontEndEventTests
{
    [Fact]
    public async Task Events_WhenTheFrontEndDiesAndAnotherComes_TellBoth()
    {
        using TestFolder folder = new();
        await using ServeProcess serve = await ServeProcess.StartAsync(folder, "-virtioserial", "port=1,protocol=test.echo,service=echo");
        await using EventTrail trail = await EventTrail.StartAsync(serve);
        for (int life = 1; life <= 2; life++)
        {
            await using UmlGuest guest = await UmlGuest.BootAsync(serve);
            await trail.ExpectAsync(null, $@"front-end-connected linux\.uml, pid {guest.Monitor.Id}", "features-negotiated .*MULTIPORT.*");
            await guest.UntilAsync("[ -e /dev/vmch1 ]");
            await guest.RunAsync(GuestScripts.Hold("/dev/vmch1"));
            await trail.ExpectAsync("test.echo", "ready", "named", $"guest-opened {life}");
            guest.Monitor.Signal(PosixSignalNumber.Kill);
            await trail.ExpectAsync(null, "front-end-disconnected .+");
            await trail.ExpectAsync("test.echo", "suspended", $"guest-closed {life} .*front-end.*");
        }
    }
}
