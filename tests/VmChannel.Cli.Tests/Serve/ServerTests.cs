using VmChannel.Cli.Serve;
using VmChannel.Device.Channels;
using VmChannel.Wire.VirtioConsole;
using Xunit;

namespace VmChannel.Cli.Tests.Serve;

public sealed class ServerTests
{
    [Fact]
    public async Task Add_TwoVms_BothServeTheirGuests()
    {
        await using ServerRig rig = new();
        VmHost first = await rig.AddAsync("one", "port=1,protocol=test.echo,service=echo");
        VmHost second = await rig.AddAsync("two", "port=3,protocol=test.echo,service=echo");
        using GuestDouble firstGuest = new(first);
        using GuestDouble secondGuest = new(second);

        Assert.Equal(["one", "two"], rig.Server.Vms.Select(vm => vm.Name));
        Assert.Equal("hello"u8.ToArray(), Echo(firstGuest, 1, "hello"u8));
        Assert.Equal("world"u8.ToArray(), Echo(secondGuest, 3, "world"u8));
    }

    [Fact]
    public async Task Add_NameThatIsTaken_IsRefusedAndTheOtherStays()
    {
        await using ServerRig rig = new();
        VmHost vm = await rig.AddAsync("one", "port=1,protocol=test.echo,service=echo");

        IOException refused = await Assert.ThrowsAsync<IOException>(() => rig.AddAsync("one"));

        Assert.Contains("there is a VM named one already", refused.Message, StringComparison.Ordinal);
        Assert.Same(vm, rig.Server.Find("one"));
    }

    [Fact]
    public async Task Add_HostEndThatCannotStart_LeavesNothing()
    {
        await using ServerRig rig = new();

        _ = await Assert.ThrowsAsync<HostEndException>(
            () => rig.AddAsync("one", $"protocol=test.a,char=unix:{rig.File("a.sock")},server", "protocol=test.b,char=file:/nowhere/b"));

        Assert.Empty(rig.Server.Vms);
        Assert.False(File.Exists(rig.File("one.sock")));
        Assert.False(File.Exists(rig.File("a.sock")));
    }

    [Fact]
    public async Task Remove_AVm_ItsSocketsGoAndTheOthersGuestsStay()
    {
        await using ServerRig rig = new();
        _ = await rig.AddAsync("one", $"protocol=test.a,char=unix:{rig.File("a.sock")},server");
        VmHost other = await rig.AddAsync("two", "port=3,protocol=test.echo,service=echo");
        using GuestDouble guest = new(other);

        Assert.True(await rig.Server.RemoveAsync("one", ServerRig.Cancellation));

        Assert.False(File.Exists(rig.File("one.sock")));
        Assert.False(File.Exists(rig.File("a.sock")));
        Assert.Equal("world"u8.ToArray(), Echo(guest, 3, "world"u8));
        Assert.False(await rig.Server.RemoveAsync("one", ServerRig.Cancellation));
        _ = await rig.AddAsync("one");
    }

    [Fact]
    public async Task Plug_WhileTheGuestRuns_IsSeenServesAndVanishes()
    {
        await using ServerRig rig = new();
        VmHost vm = await rig.AddAsync("one", "port=1,protocol=test.first,service=echo");
        using GuestDouble guest = new(vm);

        ServedPort plugged = await vm.PlugAsync(ServerRig.Request("protocol=test.late,service=echo"), ServerRig.Cancellation);

        Assert.Equal(2, plugged.Plan.Spec.Number);
        Assert.Equal([1, 2], vm.Ports.Select(port => port.Plan.Spec.Number));
        _ = guest.Driver.Expect(ControlEvent.PortAdd, 2);
        Assert.Equal("late"u8.ToArray(), Echo(guest, 2, "late"u8));
        Assert.True(await vm.UnplugAsync(2, ServerRig.Cancellation));
        _ = guest.Driver.Expect(ControlEvent.PortRemove, 2);
        Assert.False(await vm.UnplugAsync(2, ServerRig.Cancellation));
        Assert.Equal("still"u8.ToArray(), Echo(guest, 1, "still"u8));
    }

    [Theory]
    [InlineData("port=1,protocol=test.other,service=echo", "port 1 is taken")]
    [InlineData("protocol=test.first,service=echo", "the name test.first is taken by port 1")]
    [InlineData("port=8,protocol=test.other,service=echo", "beyond the limit")]
    public async Task Plug_WithoutAPlace_IsRefused(string options, string reason)
    {
        await using ServerRig rig = new();
        VmHost vm = await rig.AddAsync("one", "port=1,protocol=test.first,service=echo");

        PortConflictException refused = await Assert.ThrowsAsync<PortConflictException>(
            () => vm.PlugAsync(ServerRig.Request(options), ServerRig.Cancellation));

        Assert.Contains(reason, refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Plug_HostEndThatCannotStart_FreesItsPlace()
    {
        await using ServerRig rig = new();
        VmHost vm = await rig.AddAsync("one");

        _ = await Assert.ThrowsAsync<HostEndException>(
            () => vm.PlugAsync(ServerRig.Request("port=1,protocol=test.a,char=unix:/nowhere/a"), ServerRig.Cancellation));

        ServedPort plugged = await vm.PlugAsync(ServerRig.Request("port=1,protocol=test.a,service=echo"), ServerRig.Cancellation);
        Assert.Same(plugged, Assert.Single(vm.Ports));
    }

    [Fact]
    public async Task Plug_AfterTheEnd_IsRefused()
    {
        await using ServerRig rig = new();
        VmHost vm = await rig.AddAsync("one");
        Assert.True(await rig.Server.RemoveAsync("one", ServerRig.Cancellation));

        IOException refused = await Assert.ThrowsAsync<IOException>(
            () => vm.PlugAsync(ServerRig.Request("protocol=test.a,service=echo"), ServerRig.Cancellation));

        Assert.Contains("not served any more", refused.Message, StringComparison.Ordinal);
    }

    private static byte[] Echo(GuestDouble guest, int port, ReadOnlySpan<byte> bytes)
    {
        guest.Driver.Open(port);
        guest.Driver.Write(port, bytes);
        return guest.Driver.Receive(port, bytes.Length);
    }
}
