using VmChannel.SystemTests.Rig;

namespace VmChannel.SystemTests.Guests;

/// <summary>The guest's doctor, and the guest's news, where nobody makes links.</summary>
public sealed class GuestDoctorTests
{
    private const string Name = "org.example.late";

    [Fact]
    public async Task Doctor_BeforeAndAfterTheLinks_TellsWhatLacks()
    {
        using TestFolder folder = new();
        await using ServeProcess serve = await ServeProcess.StartAsync(folder, "-virtioserial", "port=4,protocol=org.qemu.clipboard,service=echo");
        await using UmlGuest guest = await UmlGuest.BootAsync(serve, "vmtest.links=none");
        await guest.UntilAsync("vmchannel-guest list 2>/dev/null | grep -q org.qemu.clipboard");

        GuestResult ill = await guest.TryAsync("vmchannel-guest doctor");
        Assert.Equal(1, ill.Code);
        Assert.Contains(
            "warning: org.qemu.clipboard (/dev/vport0p4) has no link /dev/vmchannel/org/qemu/clipboard: no udev runs", ill.Output, StringComparison.Ordinal);
        Assert.Contains("[link-missing]\n  fix: vmchannel-guest watch", ill.Output, StringComparison.Ordinal);

        // The fix.
        await guest.RunAsync("mkdir -p /etc; echo vmchannel:x:990: >>/etc/group; vmchannel-guest watch --once");
        Assert.Equal("nothing is wrong", await guest.RunAsync("vmchannel-guest doctor"));
        Assert.Matches("^crw-rw---- 1 0 990 ", await guest.RunAsync("ls -ln /dev/vport0p4"));
        Assert.Contains(" is open in bash (pid ", await guest.RunAsync("exec 5<>/dev/vmchannel/org/qemu/clipboard; vmchannel-guest doctor 5>&-; true"), StringComparison.Ordinal);
        Assert.Equal("{\"findings\":[]}", await guest.RunAsync("vmchannel-guest doctor --json"));

        await guest.RunAsync("vmchannel-guest watch --events >/tmp/events 2>&1 3>&- & vmchannel-guest watch --events --json >/tmp/events.json 2>&1 3>&- &");
        await guest.UntilAsync("grep -q 'plugged org.qemu.clipboard (/dev/vport0p4)' /tmp/events && grep -q plugged /tmp/events.json");
        Assert.Equal(0, (await serve.CommandAsync("plug", $"port=9,protocol={Name},char=null")).Code);
        await guest.UntilAsync($"grep -q '^plugged {Name} (/dev/vport0p9)$' /tmp/events");
        Assert.Equal(0, (await serve.CommandAsync("unplug", Name)).Code);
        await guest.UntilAsync($"grep -q '^unplugged {Name} (/dev/vport0p9)$' /tmp/events");
        await guest.UntilAsync($"grep -q '^{{\"event\":\"unplugged\",\"name\":\"{Name}\",\"port\":9,\"path\":\"/dev/vport0p9\"}}$' /tmp/events.json");
    }
}
