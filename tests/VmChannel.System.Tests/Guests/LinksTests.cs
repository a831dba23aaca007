using VmChannel.SystemTests.Rig;

namespace VmChannel.SystemTests.Guests;

/// <summary>Channels have the same names in the guest, whatever carries them.</summary>
public abstract class LinksTests(Machine machine) : GuestTests(machine)
{
    [Fact]
    public async Task Links_OfTwoChannels_LeadToTheirPorts()
    {
        string links = await Guest.RunAsync("cd /dev; readlink -m vmchannel/org/qemu/clipboard vmch4 vmchannel/org/libguestfs/fish vmch2");

        Assert.Equal("/dev/vport0p4\n/dev/vport0p4\n/dev/vport0p2\n/dev/vport0p2", links);
        Assert.Equal("../../../vmch4", await Guest.RunAsync("readlink /dev/vmchannel/org/qemu/clipboard"));
    }

    [Fact]
    public async Task Bytes_ToAnInProcessHostEnd_ComeBack() =>
        Assert.Equal("hello", await Guest.RunAsync("exec 5<>/dev/vmchannel/org/qemu/clipboard; echo hello >&5; read -r line <&5; echo $line"));

    [Fact]
    public async Task Bytes_OfAnExternalHostEnd_FlowBothWays()
    {
        using ChannelClient client = Machine.Connect(Machine.Held);
        Task<string> answer = Guest.RunAsync("exec 5<>/dev/vmchannel/org/libguestfs/fish; echo from guest >&5; read -r line <&5; echo $line");
        await client.ExpectAsync("from guest\n");
        await client.SendAsync("from host\n");

        Assert.Equal("from host", await answer);
    }

    [Fact]
    public async Task List_InTheGuest_NamesEveryChannel()
    {
        string list = await Guest.RunAsync("vmchannel-guest list");

        Assert.All([Machine.Echo, Machine.Held, Machine.Dropped, Machine.Spare], name => Assert.Contains(name, list, StringComparison.Ordinal));
    }

    [Fact]
    public async Task Open_ByName_RelaysStandardStreams()
    {
        string script = """
            coproc relay { exec vmchannel-guest open org.qemu.clipboard; }
            echo by name >&${relay[1]}
            read -r line <&${relay[0]}
            kill $relay_PID
            wait
            echo $line
            """;

        Assert.Equal("by name", await Guest.RunAsync(script));
    }
}

[Collection<UmlTests>]
public sealed class LinksOnUmlTests(UmlMachine machine) : LinksTests(machine);

[Collection<QemuTests>]
public sealed class LinksOnQemuTests(QemuMachine machine) : LinksTests(machine);
