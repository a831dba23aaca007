using VmChannel.Device.Channels;
using VmChannel.Device.Events;
using VmChannel.Device.Ports;
using VmChannel.Device.Tests.Chardevs;
using VmChannel.Device.Tests.VirtioSerial;
using VmChannel.Testing;
using VmChannel.Wire.VirtioConsole;
using Xunit;

namespace VmChannel.Device.Tests.Ports;

/// <summary>What may change while a port is in use.</summary>
public sealed class PortApplyTests
{
    [Fact]
    public void Apply_NoRateWhileAsleep_WakesThePortAtOnce()
    {
        using SerialRig rig = new();
        PortSpec slow = new(1, "a") { Limits = new PortLimits { BytesPerSecond = 1 } };
        ScriptedEnd end = rig.Plug(slow);
        using Guest guest = new(rig);
        SerialRig.Open(guest.Driver, 1);
        byte[] bytes = Guest.Bytes(100_000, 1);
        guest.Driver.Write(1, bytes);
        Wait.Until(() => rig.Thread.Invoke(() => rig.Ports[1].IsThrottled), "a throttled port");
        rig.Thread.Invoke(() => rig.Ports[1].Apply(slow with { Limits = PortLimits.Default }));
        Wait.Until(() => end.TakenCount == bytes.Length, "the rest");
        Assert.Equal(bytes, end.Taken);
        Assert.False(rig.Thread.Invoke(() => rig.Ports[1].IsThrottled));
    }

    [Fact]
    public void Apply_Discard_FreesAGuestThatWaits()
    {
        using SerialRig rig = new();
        _ = rig.Plug(1, isHostOpen: false);
        using Guest guest = new(rig);
        SerialRig.Open(guest.Driver, 1);
        guest.Driver.Write(1, new byte[1000]);
        rig.Thread.Invoke(() => rig.Ports[1].Apply(rig.Ports[1].Spec with { OnDisconnect = DisconnectPolicy.Discard }));
        Assert.Equal(1, guest.Driver.Expect(ControlEvent.PortOpen, 1).Message.Value);
        Wait.Until(() => rig.Thread.Invoke(() => rig.Ports[1].DroppedBytes) == 1000, "the drop");
    }

    [Fact]
    public void Apply_AnyDifference_IsInTheStateAndTold()
    {
        EventJournal journal = new();
        using LoopThread thread = new(new LogLines());
        using Port port = new(new PortSpec(1, "a"), new ScriptedEnd(), thread.Loop, new LogLines(), new VmJournal(journal, "vm"));
        PortSpec changed = port.Spec with { Limits = new PortLimits { BytesPerSecond = 1000 }, OnDisconnect = DisconnectPolicy.Discard };
        thread.Invoke(() =>
        {
            port.Start();
            port.Apply(changed);
            port.Apply(changed);
        });
        Assert.Equal(changed, port.State.Spec);
        Assert.Equal("limits, on-disconnect", Assert.Single(Told(journal), told => told.Kind == DeviceEventKind.Changed).Cause);
        thread.Invoke(port.Dispose);
    }

    [Fact]
    public void Apply_LogFileThatCannotBe_ChangesNothing()
    {
        using TemporaryFolder folder = new();
        using SerialRig rig = new();
        PortSpec spec = new(1, "a") { LogFile = new LogFileSpec(folder["log"]) };
        ScriptedEnd end = rig.Plug(spec);
        using Guest guest = new(rig);
        SerialRig.Open(guest.Driver, 1);
        PortSpec wrong = spec with { LogFile = new LogFileSpec(folder["none/log"]), Limits = new PortLimits { Access = PortAccess.WriteOnly } };
        HostEndException refused = Assert.Throws<HostEndException>(() => rig.Thread.Invoke(() => rig.Ports[1].Apply(wrong)));
        Assert.Contains("create its folder", refused.Message, StringComparison.Ordinal);
        Assert.Equal(spec, rig.Thread.Invoke(() => rig.Ports[1].Spec));
        guest.Driver.Write(1, "kept"u8.ToArray());
        Wait.Until(() => end.TakenCount == 4, "the bytes");
        Wait.Until(() => File.ReadAllText(folder["log"]) == "kept", "the same in the log, which is written after");
    }

    [Fact]
    public void Apply_OtherLogFile_GetsWhatComesFromThenOn()
    {
        using TemporaryFolder folder = new();
        using SerialRig rig = new();
        PortSpec spec = new(1, "a") { LogFile = new LogFileSpec(folder["one"]) };
        ScriptedEnd end = rig.Plug(spec);
        using Guest guest = new(rig);
        SerialRig.Open(guest.Driver, 1);
        Send("1");

        // Another size is no other file: what it has stays.
        rig.Thread.Invoke(() => rig.Ports[1].Apply(spec with { LogFile = new LogFileSpec(folder["one"], RotateBytes: 100_000) }));
        Send("2");
        rig.Thread.Invoke(() => rig.Ports[1].Apply(spec with { LogFile = new LogFileSpec(folder["two"]) }));
        Send("3");
        rig.Thread.Invoke(() => rig.Ports[1].Apply(spec with { LogFile = null }));
        Send("4");
        Assert.Equal("12", File.ReadAllText(folder["one"]));
        Assert.Equal("3", File.ReadAllText(folder["two"]));

        void Send(string text)
        {
            long before = end.TakenCount;
            guest.Driver.Write(1, System.Text.Encoding.ASCII.GetBytes(text));
            Wait.Until(() => end.TakenCount == before + text.Length, text);
            rig.Thread.Settle();
        }
    }

    [Theory]
    [InlineData(2, "a", false)]
    [InlineData(1, "b", false)]
    [InlineData(1, "a", true)]
    public void Apply_AnotherPort_IsADefect(int number, string protocol, bool isConsole)
    {
        using SerialRig rig = new();
        _ = rig.Plug(new PortSpec(1, "a"));
        Assert.Throws<ArgumentOutOfRangeException>(() => rig.Thread.Invoke(() => rig.Ports[1].Apply(new PortSpec(number, protocol, isConsole))));
    }

    private static List<DeviceEvent> Told(EventJournal journal)
    {
        List<DeviceEvent> told = [];
        while (journal.TryRead(told.Count, out JournalEntry entry))
        {
            told.Add(entry.Event);
        }

        return told;
    }
}
