using System.Globalization;
using VmChannel.Control;
using VmChannel.SystemTests.Rig;

namespace VmChannel.SystemTests.Guests;

/// <summary>One server, one file, two guests.</summary>
public sealed class TwoVmTests : IDisposable
{
    private const int Failure = 1;

    private readonly TestFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task Reload_OfAFileWithTwoVms_ChangesTheOneAndLeavesTheOthersTransferAlone()
    {
        string file = _folder.File("host.toml");
        string control = _folder.File("control.sock");
        string held = PortOf("one", 2, Machine.Held, "held.sock");
        string dropped = PortOf("one", 6, Machine.Dropped, "dropped.sock");
        string spare = PortOf("two", 7, Machine.Spare, "spare.sock");
        await WriteAsync(held + dropped, "");
        await using ServeProcess serve = await ServeProcess.StartFileAsync(_folder, file);
        Task<UmlGuest> booting = UmlGuest.BootAsync(serve, $"virtio_uml.device={_folder.File("two.sock")}:3", $"uml_dir={_folder.File("two")}/");
        await using UmlGuest one = await UmlGuest.BootAsync(serve);
        await using UmlGuest two = await booting;
        await one.UntilAsync($"[ -e {Machine.PathOf(Machine.Held)} ] && [ -e {Machine.PathOf(Machine.Dropped)} ]");
        Pattern pattern = new("two-vms", 8);
        using ChannelClient client = ChannelClient.Connect(_folder.File("held.sock"));
        Task<string> writer = one.RunAsync($"{pattern.GuestWriter} > {Machine.PathOf(Machine.Held)}", Patience.Long);
        long position = await pattern.CheckAsync(client.Stream, 0, pattern.Length / 4);

        // By the verb: a port for the other guest, another limit here.
        await WriteAsync(held + dropped + "rate = \"1M\"\n", spare);
        (int code, string output, string errors) = await serve.CommandAsync("reload", "--control", control);
        Assert.True(code == 0, errors);
        Assert.Contains($"added    two port 7 ({Machine.Spare})", output, StringComparison.Ordinal);
        Assert.Contains($"changed  one port 6 ({Machine.Dropped})", output, StringComparison.Ordinal);
        Assert.Contains("1 ports unchanged", output, StringComparison.Ordinal);
        await two.UntilAsync($"[ -e {Machine.PathOf(Machine.Spare)} ]");
        using (ChannelClient other = ChannelClient.Connect(_folder.File("spare.sock")))
        {
            await two.ExchangeAsync(Machine.PathOf(Machine.Spare), other);
        }

        using ControlClient typed = new(ControlAddress.Unix(control));
        Assert.Equal(1 << 20, (await typed.GetPortAsync("one", Machine.Dropped, TestContext.Current.CancellationToken)).Limits.BytesPerSecond);
        position = await pattern.CheckAsync(client.Stream, position, pattern.Length / 2);

        // A file with errors: each with its line, and nothing happens.
        await WriteAsync(held, spare + "protocl = \"x\"\n");
        (code, _, errors) = await serve.CommandAsync("reload", "--control", control);
        Assert.Equal(Failure, code);
        Assert.Matches(@"host\.toml:\d+: .*protocl.*did you mean protocol", errors);
        Assert.Contains("nothing was changed", errors, StringComparison.Ordinal);
        Assert.True(await HasPortAsync("one", Machine.Dropped));

        // By the signal: here one goes, there it goes too.
        await WriteAsync(held, "");
        serve.Process.Signal(PosixSignalNumber.HangUp);
        await one.UntilAsync($"[ ! -e {Machine.PathOf(Machine.Dropped)} ]");
        await two.UntilAsync($"[ ! -e {Machine.PathOf(Machine.Spare)} ]");
        Assert.Equal(pattern.Length, await pattern.CheckAsync(client.Stream, position));
        await writer;
        PortInfo untouched = await typed.GetPortAsync("one", Machine.Held, TestContext.Current.CancellationToken);
        Assert.Equal((1, 1, pattern.Length), (untouched.HostGeneration, untouched.GuestGeneration, untouched.Counters.FromGuestBytes));

        async Task<bool> HasPortAsync(string vm, string protocol) =>
            (await typed.GetPortsAsync(vm, TestContext.Current.CancellationToken)).Any(port => port.Protocol == protocol);

        Task WriteAsync(string ports, string morePorts) => File.WriteAllTextAsync(
            file,
            $"control = \"{control}\"\n[vm.one]\nvhost-user = \"{_folder.File("device.sock")}\"\n{ports}[vm.two]\nvhost-user = \"{_folder.File("two.sock")}\"\n{morePorts}",
            TestContext.Current.CancellationToken);
    }

    /// <summary>Each has a thread that moves its bytes; those who come later share the two.</summary>
    [Fact]
    public async Task TwoLoops_WithTwoGuests_ServeOneEach_AndMoreVmsNeedNoMoreThreads()
    {
        const int Others = 20;
        string file = _folder.File("host.toml");
        string others = string.Concat(Enumerable.Range(0, Others).Select(
            vm => $"[vm.other{vm}]\nvhost-user = \"{_folder.File($"other{vm}.sock")}\"\n{PortOf($"other{vm}", 1, Machine.Dropped, $"other{vm}.port")}"));
        await File.WriteAllTextAsync(
            file,
            $"control = \"{_folder.File("control.sock")}\"\nloops = 2\n[vm.one]\nvhost-user = \"{_folder.File("device.sock")}\"\n{PortOf("one", 2, Machine.Held, "held.sock")}"
                + $"[vm.two]\nvhost-user = \"{_folder.File("two.sock")}\"\n{PortOf("two", 7, Machine.Spare, "spare.sock")}{others}",
            TestContext.Current.CancellationToken);
        await using ServeProcess serve = await ServeProcess.StartFileAsync(_folder, file);
        Task<UmlGuest> booting = UmlGuest.BootAsync(serve, $"virtio_uml.device={_folder.File("two.sock")}:3", $"uml_dir={_folder.File("two")}/");
        await using UmlGuest one = await UmlGuest.BootAsync(serve);
        await using UmlGuest two = await booting;
        string[] loops = LoopThreads(serve.Process.Id);
        Assert.Equal(2, loops.Length);
        long[] before = [.. loops.Select(ProcessorNanoseconds)];

        await Task.WhenAll(MoveAsync(one, Machine.Held, "held.sock"), MoveAsync(two, Machine.Spare, "spare.sock"));

        Assert.All(loops.Zip(before), each => Assert.True(ProcessorNanoseconds(each.First) > each.Second, $"{each.First} has done nothing"));
        Assert.Equal(loops, LoopThreads(serve.Process.Id));

        async Task MoveAsync(UmlGuest guest, string protocol, string socket)
        {
            Pattern pattern = new(protocol, 4);
            await guest.UntilAsync($"[ -e {Machine.PathOf(protocol)} ]");
            using ChannelClient client = ChannelClient.Connect(_folder.File(socket));
            Task<string> writer = guest.RunAsync($"{pattern.GuestWriter} > {Machine.PathOf(protocol)}", Patience.Long);
            Assert.Equal(pattern.Length, await pattern.CheckAsync(client.Stream, 0));
            await writer;
        }
    }

    private static string[] LoopThreads(int process)
        => [.. Directory.GetDirectories($"/proc/{process}/task").Where(thread => NameOf(thread) == "device loop").Order(StringComparer.Ordinal)];

    /// <summary>Empty for one that has ended meanwhile, as the runtime's own do.</summary>
    private static string NameOf(string thread)
    {
        try
        {
            return File.ReadAllText(Path.Combine(thread, "comm")).Trim();
        }
        catch (IOException)
        {
            return "";
        }
    }

    private static long ProcessorNanoseconds(string thread)
        => long.Parse(File.ReadAllText(Path.Combine(thread, "schedstat")).Split(' ')[0], CultureInfo.InvariantCulture);

    private string PortOf(string vm, int number, string protocol, string socket) =>
        $"[[vm.{vm}.port]]\nport = {number}\nprotocol = \"{protocol}\"\nchar = \"unix:{_folder.File(socket)},server\"\n";
}
