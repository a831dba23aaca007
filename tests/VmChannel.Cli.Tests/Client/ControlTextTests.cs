using VmChannel.Cli.Client;
using VmChannel.Control;
using Xunit;

namespace VmChannel.Cli.Tests.Client;

public sealed class ControlTextTests
{
    private static readonly DateTimeOffset Now = new(2026, 11, 23, 12, 0, 0, TimeSpan.Zero);

    [Theory]
    [InlineData(0, "0 B")]
    [InlineData(1023, "1023 B")]
    [InlineData(1024, "1.0 KiB")]
    [InlineData(1536, "1.5 KiB")]
    [InlineData(35_651_584, "34 MiB")]
    [InlineData(long.MaxValue, "8.0 EiB")]
    public void Bytes_AnyAmount_AreShort(long bytes, string text) => Assert.Equal(text, PortText.Bytes(bytes));

    [Theory]
    [InlineData(-5, "0 s")]
    [InlineData(119, "119 s")]
    [InlineData(120, "2 min")]
    [InlineData(7200, "2 h")]
    [InlineData(172_800, "2 d")]
    public void Since_AnyTime_IsShort(int seconds, string text) => Assert.Equal(text, PortText.Since(Now.AddSeconds(-seconds), Now));

    [Fact]
    public void Ports_EachState_IsReadable()
    {
        PortInfo open = Port(1, "test.ok") with { IsReady = true, IsGuestOpen = true, IsHostOpen = true };
        PortInfo stalled = open with { Number = 12, Protocol = "test.stalled", StalledSince = Now.AddSeconds(-12), Stall = StallCause.GuestNotReading };
        PortInfo throttled = open with { Number = 13, Protocol = "test.slow", ThrottledSince = Now.AddMinutes(-3) };

        Assert.Equal(
            """
            PORT  NAME          GUEST      HOST    STATE                                  FROM GUEST  TO GUEST  HOST END
               1  test.ok       open       open    ok                                         34 MiB       0 B  service echo
              12  test.stalled  open       open    stalled 12 s: the guest does not read      34 MiB       0 B  service echo
              13  test.slow     open       open    throttled 3 min                            34 MiB       0 B  service echo
               2  (console)     not ready  closed  idle                                       34 MiB       0 B  service echo

            """,
            ControlText.Ports([open, stalled, throttled, Port(2, null)], width: null, Now));
    }

    [Fact]
    public void Ports_NarrowTerminal_LinesAreCut()
    {
        string[] lines = ControlText.Ports([Port(1, "test.a")], width: 20, Now).TrimEnd('\n').Split('\n');

        Assert.All(lines, line => Assert.True(line.Length <= 20));
        Assert.EndsWith("…", lines[1], StringComparison.Ordinal);
    }

    [Fact]
    public void Vms_EachState_HasItsWords()
    {
        VmInfo vm = new("web", "/run/web.sock", VmState.NotConnected, 3, 1, 0, 31);

        Assert.Equal(
            """
            VM   STATE    PORTS  OPEN  STALLED  VMM  ENDPOINT
            web  no VMM       3     1        0  -    /run/web.sock
            db   running      3     1        0  x    /run/web.sock

            """,
            ControlText.Vms([vm, vm with { Name = "db", State = VmState.Running, FrontEnd = "x" }], width: null));
    }

    [Fact]
    public void Text_FromAServer_CannotControlTheTerminal()
    {
        string table = ControlText.Ports([Port(1, "test.a") with { HostEnd = "\u001b[2Jevil\n" }], width: null, Now);

        Assert.DoesNotContain('\u001b', table);
        Assert.Equal(2, table.TrimEnd('\n').Split('\n').Length);
    }

    [Fact]
    public void Event_OfAPort_IsOneLine()
    {
        ChannelEvent told = new(7, Now, "web", "guest-opened", 4, "org.qemu.clipboard", "because\n", 3);

        Assert.EndsWith(" web port 4 (org.qemu.clipboard): guest opened (3): because?\n", ControlText.Event(told), StringComparison.Ordinal);
    }

    [Fact]
    public void Inspect_WithoutFrontEnd_IsATree()
    {
        VmInspection inspection = new(
            new("web", "/run/web.sock", VmState.NotConnected, 1, 0, 0, 31), new() { Room = 31, Counters = new() }, [Port(1, "test.a")]);

        string tree = InspectTree.Text(inspection, Now);

        Assert.StartsWith("web: no VMM, /run/web.sock\n├─ front-end: none is connected\n├─ device: no driver\n│  ├─ features: not yet\n", tree, StringComparison.Ordinal);
        Assert.Contains("└─ ports: 1 of 31\n   └─ port 1 (test.a): idle\n      ├─ guest: not ready", tree, StringComparison.Ordinal);
    }

    private static PortInfo Port(int number, string? protocol) => new()
    {
        Number = number,
        Protocol = protocol,
        HostEnd = "service echo",
        Limits = new(0, 0, ClientAccess.ReadWrite),
        Counters = new() { FromGuestBytes = 34 << 20 },
    };
}
