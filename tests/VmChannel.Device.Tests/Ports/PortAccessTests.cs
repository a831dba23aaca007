using VmChannel.Device.Chardevs;
using VmChannel.Device.Ports;
using VmChannel.Device.Tests.Chardevs;
using VmChannel.Device.Tests.VirtioSerial;
using VmChannel.Testing;
using VmChannel.Wire.VirtioConsole;
using Xunit;

namespace VmChannel.Device.Tests.Ports;

/// <summary><c>readonly</c> and <c>writeonly</c>, on a whole device.</summary>
public sealed class PortAccessTests
{
    [Fact]
    public void ReadOnly_ClientSends_IsDroppedCountedAndToldOnce()
    {
        using SerialRig rig = new();
        ScriptedEnd end = rig.Plug(Port1(PortAccess.ReadOnly));
        using Guest guest = new(rig);
        SerialRig.Open(guest.Driver, 1);
        rig.Thread.Invoke(() => end.Give(new byte[1000]));
        rig.Thread.Invoke(() => end.Give(new byte[2000]));
        Wait.Until(() => rig.Ports[1].Counters.RefusedToGuestBytes == 3000, "all to be dropped");
        guest.Driver.Write(1, "still heard"u8.ToArray());
        Wait.Until(() => end.TakenCount == 11, "the guest's bytes");
        List<byte> received = [];
        guest.Driver.Receive(1, received);
        Assert.Empty(received);
        Assert.Equal(0, rig.Ports[1].Counters.ToGuestBytes);
        _ = Assert.Single(rig.Log.All, line => line.Contains("the port is readonly", StringComparison.Ordinal));
    }

    [Fact]
    public void ReadOnly_MoreThanATurnIsThere_AllOfItIsDropped()
    {
        using SerialRig rig = new();
        EndlessEnd end = new();
        rig.Plug(Port1(PortAccess.ReadOnly), end);
        Wait.Until(() => rig.Ports[1].Counters.RefusedToGuestBytes > 1 << 20, "a megabyte");
        rig.Unplug(1);
    }

    /// <summary>A client's unread bytes would otherwise keep it attached until a guest reads them, which never happens.</summary>
    [Fact]
    public void ReadOnly_ClientSendsAndLeaves_IsNoticedThoughTheGuestIsClosed()
    {
        using TemporaryFolder folder = new();
        using SerialRig rig = new();
        Assert.True(ChardevOptions.TryParse($"unix:{folder["s"]},server", out ChardevSpec? spec, out string? error), error);
        rig.Plug(Port1(PortAccess.ReadOnly), ChardevFactory.Create(spec, rig.Loop, rig.Log));
        using (System.Net.Sockets.Socket client = UnixServerTests.Connect(folder["s"]))
        {
            client.Send(new byte[100_000]);
        }

        Wait.Until(() => rig.Ports[1].Counters.RefusedToGuestBytes == 100_000, "the bytes");
        Wait.Until(() => !rig.Thread.Invoke(() => rig.Ports[1].HostEnd.IsOpen), "the hang-up");
    }

    [Fact]
    public void WriteOnly_GuestWrites_IsDroppedCountedAndToldOnce()
    {
        using SerialRig rig = new();
        ScriptedEnd end = rig.Plug(Port1(PortAccess.WriteOnly));
        using Guest guest = new(rig);
        SerialRig.Open(guest.Driver, 1);
        guest.Driver.Write(1, new byte[3000]);
        guest.Driver.Write(1, new byte[3000]);
        Wait.Until(() => rig.Ports[1].Counters.RefusedFromGuestBytes == 6000, "all to be dropped");
        rig.Thread.Invoke(() => end.Give("for the guest"u8));
        Assert.Equal("for the guest"u8.ToArray(), guest.Driver.Receive(1, 13));
        Assert.Equal(0, end.TakenCount);
        _ = Assert.Single(rig.Log.All, line => line.Contains("the port is writeonly", StringComparison.Ordinal));
    }

    [Fact]
    public void WriteOnly_NobodyThere_ReadsAsOpenToTheGuest()
    {
        using SerialRig rig = new();
        _ = rig.Plug(Port1(PortAccess.WriteOnly), isHostOpen: false);
        using Guest guest = new(rig);
        SerialRig.Open(guest.Driver, 1);
        guest.Driver.Write(1, new byte[3000]);
        Wait.Until(() => rig.Ports[1].Counters.RefusedFromGuestBytes == 3000, "all to be dropped");
    }

    [Fact]
    public void Apply_ReadOnlyAndBack_TakesEffectAtOnce()
    {
        using SerialRig rig = new();
        ScriptedEnd end = rig.Plug(1);
        using Guest guest = new(rig);
        SerialRig.Open(guest.Driver, 1);
        PortSpec plain = rig.Ports[1].Spec;
        rig.Thread.Invoke(() => rig.Ports[1].Apply(plain with { Limits = new PortLimits { Access = PortAccess.ReadOnly } }));
        rig.Thread.Invoke(() => end.Give("dropped"u8));
        Wait.Until(() => rig.Ports[1].Counters.RefusedToGuestBytes == 7, "the drop");
        rig.Thread.Invoke(() => rig.Ports[1].Apply(plain));
        rig.Thread.Invoke(() => end.Give("delivered"u8));
        Assert.Equal("delivered"u8.ToArray(), guest.Driver.Receive(1, 9));
    }

    [Fact]
    public void Apply_WriteOnlyWhileNobodyIsThere_OpensThePortForTheGuestAndBack()
    {
        using SerialRig rig = new();
        _ = rig.Plug(1, isHostOpen: false);
        using Guest guest = new(rig);
        SerialRig.Open(guest.Driver, 1);
        PortSpec plain = rig.Ports[1].Spec;
        rig.Thread.Invoke(() => rig.Ports[1].Apply(plain with { Limits = new PortLimits { Access = PortAccess.WriteOnly } }));
        Assert.Equal(1, guest.Driver.Expect(ControlEvent.PortOpen, 1).Message.Value);
        rig.Thread.Invoke(() => rig.Ports[1].Apply(plain));
        Assert.Equal(0, guest.Driver.Expect(ControlEvent.PortOpen, 1).Message.Value);
    }

    private static PortSpec Port1(PortAccess access) => new(1, "test.port1") { Limits = new PortLimits { Access = access } };
}
