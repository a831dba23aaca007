using VmChannel.SystemTests.Rig;

namespace VmChannel.SystemTests.Guests;

/// <summary>The guest's driver lets go of the device and takes it again.</summary>
public abstract class DriverTests(Machine machine) : GuestTests(machine)
{
    private const string Driver = "/sys/bus/virtio/drivers/virtio_console";

    [Fact]
    public async Task Channels_AfterTheDriverWasUnboundAndBound_WorkAsBefore()
    {
        using ChannelClient client = Machine.Connect(Machine.Held);
        string device = await Guest.RunAsync($"cd {Driver}; for d in virtio*; do echo $d; done");
        await Guest.RunAsync($"echo {device} > {Driver}/unbind");
        await Guest.UntilAsync("[ ! -e /dev/vmchannel ] && [ ! -L /dev/vmch2 ]");
        await Guest.RunAsync($"echo {device} > {Driver}/bind");
        await Machine.WaitForLinksAsync();
        Task<string> answer = Guest.RunAsync($"exec 5<>{Machine.PathOf(Machine.Held)}; echo again >&5; read -r line <&5; echo $line");
        await client.ExpectAsync("again\n");
        await client.SendAsync("welcome back\n");

        Assert.Equal("welcome back", await answer);
    }

    [Fact]
    public async Task HostBytes_WhileTheDriverIsUnbound_WaitForIt()
    {
        string device = await Guest.RunAsync($"cd {Driver}; for d in virtio*; do echo $d; done");
        await Guest.RunAsync($"echo {device} > {Driver}/unbind");
        using ChannelClient client = Machine.Connect(Machine.Held);
        await client.SendAsync("patience\n");
        await Guest.RunAsync($"echo {device} > {Driver}/bind");
        await Machine.WaitForLinksAsync();

        Assert.Equal("patience", await Guest.RunAsync($"exec 5<{Machine.PathOf(Machine.Held)}; until read -r line <&5; do sleep 0.02; done; echo $line"));
    }
}

[Collection<UmlTests>]
public sealed class DriverOnUmlTests(UmlMachine machine) : DriverTests(machine);

[Collection<QemuTests>]
public sealed class DriverOnQemuTests(QemuMachine machine) : DriverTests(machine);
