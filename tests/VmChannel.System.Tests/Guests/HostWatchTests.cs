using VmChannel.SystemTests.Rig;

namespace VmChannel.SystemTests.Guests;

/// <summary>Host ends that come and go on channels that no program in the guest has open: the driver tells root of them in debugfs, which Debian's UML has not.</summary>
[Collection<QemuTests>]
public sealed class HostWatchTests(QemuMachine machine) : GuestTests(machine)
{
    [Fact]
    public async Task Watch_HostsThatComeAndGo_AreTold()
    {
        const string Channel = $"{Rig.Machine.Held} (/dev/vport0p2)";
        // The client of a test before may be a moment longer in the guest than on the host.
        await Guest.UntilAsync($"{{ {GuestScripts.DebugFiles}; }} && grep -q 'host_connected: 0' $mountpoint/virtio-ports/vport0p2");
        string watch = await Guest.RunAsync("vmchannel-guest watch --events </dev/null >/tmp/hosts 2>&1 & echo $!");
        await Guest.UntilAsync($"grep -q '^plugged {Channel}$' /tmp/hosts");
        for (int host = 1; host <= 2; host++)
        {
            using (Machine.Connect(Rig.Machine.Held))
            {
                await Guest.UntilAsync($"[ $(grep -c '^host-opened {Channel}$' /tmp/hosts) = {host} ]");
            }

            await Guest.UntilAsync($"[ $(grep -c '^host-closed {Channel}$' /tmp/hosts) = {host} ]");
        }

        await Guest.RunAsync($"kill {watch}");
        Assert.Equal(
            $"plugged {Channel}\nhost-opened {Channel}\nhost-closed {Channel}\nhost-opened {Channel}\nhost-closed {Channel}",
            await Guest.RunAsync($"grep -F '{Channel}' /tmp/hosts; rm /tmp/hosts"));
    }

    [Fact]
    public async Task Watch_HostThatIsThereAlready_IsToldAtFirst()
    {
        await Guest.RunAsync("[ -e /sys/kernel/debug/virtio-ports ] || mount -t debugfs debugfs /sys/kernel/debug");
        string watch = await Guest.RunAsync("vmchannel-guest watch --events --json </dev/null >/tmp/there 2>&1 & echo $!");

        // Its host end is in the server itself.
        await Guest.UntilAsync($"grep -q '^{{\"event\":\"host-opened\",\"name\":\"{Rig.Machine.Echo}\",\"port\":4,' /tmp/there");
        await Guest.RunAsync($"kill {watch}; rm /tmp/there");
    }
}
