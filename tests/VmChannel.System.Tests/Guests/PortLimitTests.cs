using VmChannel.SystemTests.Rig;

namespace VmChannel.SystemTests.Guests;

/// <summary>As many ports as each front-end can carry, and one more.</summary>
public sealed class PortLimitTests
{
    [Fact]
    public async Task Ports_ThirtyOneOnUml_AllWork()
    {
        using TestFolder folder = new();
        await using ServeProcess serve = await StartAsync(folder, 31);
        await using UmlGuest guest = await UmlGuest.BootAsync(serve);
        await CheckAllAsync(guest, 30);
    }

    [Fact]
    public async Task Ports_MoreThanUmlCarries_AreRefusedByNumberAndTheOthersWork()
    {
        using TestFolder folder = new();
        await using ServeProcess serve = await StartAsync(folder, 32);
        await using UmlGuest guest = await UmlGuest.BootAsync(serve, [$"virtio_uml.device={serve.Socket}:3"]);
        string line = await serve.Log.WaitForAsync("cannot be carried");

        Assert.Contains("port 31 (test.p31) cannot be carried: the front-end has 64 queues, room for ports 0 to 30", line, StringComparison.Ordinal);
        await CheckAllAsync(guest, 30);
    }

    [Fact]
    public async Task Ports_OneHundredTwentySevenOnQemu_AllWork()
    {
        using TestFolder folder = new();
        await using ServeProcess serve = await StartAsync(folder, 127);
        await using QemuGuest guest = await QemuGuest.BootAsync(serve);
        await CheckAllAsync(guest, 126);
    }

    /// <summary>The console's port 0 is one of them.</summary>
    private static async Task<ServeProcess> StartAsync(TestFolder folder, int ports) => await ServeProcess.StartAsync(
        folder,
        [
            "--max-ports", $"{ports}", "-virtconsole", "char=null",
            .. Enumerable.Range(1, ports - 1).SelectMany(number => (string[])["-virtioserial", $"port={number},protocol=test.p{number},service=echo"]),
        ]);

    private static async Task CheckAllAsync(Guest guest, int last)
    {
        await guest.UntilAsync($"(for ((n = 1; n <= {last}; n++)); do [ -e /dev/vmchannel/test/p$n ] || exit; done)");
        string script = $$"""
            for ((n = 1; n <= {{last}}; n++)); do
                exec 5<>/dev/vmchannel/test/p$n || exit
                echo "through $n" >&5
                read -r -t 30 line <&5
                [ "$line" = "through $n" ] || { echo "port $n: $line"; exit 1; }
                exec 5>&-
            done
            ls -d /sys/class/virtio-ports/vport0p* | wc -l
            """;

        Assert.Equal($"{last + 1}", await guest.RunAsync(script, Patience.Long));
    }
}
