using VmChannel.SystemTests.Rig;

namespace VmChannel.SystemTests.Guests;

/// <summary>Channels have the same names in the guest, whatever carries them.</summary>
public sealed class LinksTests
{
    private const string Clipboard = "port=4,protocol=org.qemu.clipboard,service=echo";

    [Fact]
    public async Task Links_TwoChannelsOnUml_LeadToTheirPorts()
    {
        using TestFolder folder = new();
        await using ServeProcess serve = await StartAsync(folder);
        await using UmlGuest guest = await UmlGuest.BootAsync(serve);
        await CheckAsync(guest, folder);
    }

    [Fact]
    public async Task Links_TwoChannelsOnQemu_LeadToTheirPorts()
    {
        using TestFolder folder = new();
        await using ServeProcess serve = await StartAsync(folder);
        await using QemuGuest guest = await QemuGuest.BootAsync(serve);
        await CheckAsync(guest, folder);
    }

    private static Task<ServeProcess> StartAsync(TestFolder folder) => ServeProcess.StartAsync(
        folder, "-virtioserial", Clipboard, "-virtioserial", $"port=2,protocol=org.libguestfs.fish,char=unix:{folder.File("fish.sock")},server");

    private static async Task CheckAsync(Guest guest, TestFolder folder)
    {
        await guest.UntilAsync("[ -e /dev/vmchannel/org/qemu/clipboard ] && [ -e /dev/vmchannel/org/libguestfs/fish ]");
        string[] links = (await guest.RunAsync("cd /dev; readlink -m vmchannel/org/qemu/clipboard vmch4 vmchannel/org/libguestfs/fish vmch2")).Split('\n');
        Assert.Equal(["/dev/vport0p4", "/dev/vport0p4", "/dev/vport0p2", "/dev/vport0p2"], links);
        Assert.Equal("../../../vmch4", await guest.RunAsync("readlink /dev/vmchannel/org/qemu/clipboard"));

        // In-process and external host ends, both ways.
        Assert.Equal("hello", await guest.RunAsync("exec 5<>/dev/vmchannel/org/qemu/clipboard; echo hello >&5; read -r line <&5; echo $line"));
        using ChannelClient client = ChannelClient.Connect(folder.File("fish.sock"));
        Task<string> answer = guest.RunAsync("exec 5<>/dev/vmchannel/org/libguestfs/fish; echo from guest >&5; read -r line <&5; echo $line");
        await client.ExpectAsync("from guest\n");
        await client.SendAsync("from host\n");
        Assert.Equal("from host", await answer);
    }
}
