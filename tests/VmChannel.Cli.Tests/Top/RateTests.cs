using VmChannel.Cli.Serve;
using VmChannel.Cli.Tests.Control;
using VmChannel.Cli.Tests.Serve;
using VmChannel.Cli.Top;
using VmChannel.Control;
using Xunit;

namespace VmChannel.Cli.Tests.Top;

public sealed class RateTests
{
    private static readonly DateTimeOffset Noon = new(2026, 11, 23, 12, 0, 0, TimeSpan.Zero);

    [Fact]
    public void Between_TwoLooks_AreDifferencesPerSecond()
    {
        PortInfo before = Port(1, "test.a", 1000, 50);
        PortInfo after = Port(1, "test.a", 5000, 50) with { Counters = new() { FromGuestBytes = 5000, ToGuestBytes = 50, FromGuestMessages = 8, ToGuestMessages = 2, DroppedBytes = 6 } };

        PortRates rates = PortRates.Between("web", before, after, TimeSpan.FromSeconds(2));

        Assert.Equal((2000d, 0d, 5d, 3d), (rates.FromGuestBytesPerSecond, rates.ToGuestBytesPerSecond, rates.MessagesPerSecond, rates.DroppedBytesPerSecond));
    }

    [Fact]
    public void Between_PortPluggedAnew_BeginsAtZero()
    {
        PortInfo before = Port(1, "test.a", 1000, 50);
        PortInfo after = Port(1, "test.a", 30, 10) with { PluggedSince = Noon.AddSeconds(1) };

        PortRates rates = PortRates.Between("web", before, after, TimeSpan.FromSeconds(1));

        Assert.Equal((30d, 10d), (rates.FromGuestBytesPerSecond, rates.ToGuestBytesPerSecond));
    }

    [Theory]
    [InlineData((int)TopOrder.Rate, "busy,full,idle")]
    [InlineData((int)TopOrder.Total, "full,busy,idle")]
    [InlineData((int)TopOrder.Name, "idle,busy,full")]
    public void Sort_ByEachOrder_PutsTheRightFirst(int order, string names)
    {
        PortRates[] rates =
        [
            Rates("web", Port(3, "full", 1_000_000, 0), 10),
            Rates("web", Port(2, "busy", 1000, 0), 1000),
            Rates("db", Port(9, "idle", 0, 0), 0),
        ];

        Assert.Equal(names, string.Join(',', RateTable.Sort(rates, (TopOrder)order).Select(port => port.Port.Protocol)));
    }

    [Fact]
    public void Table_OfRates_IsReadable()
    {
        RatesReport report = new(Noon, 1, [Rates("web", Port(4, "test.a", 1000, 0) with { IsReady = true, IsGuestOpen = true, IsHostOpen = true }, 2048)]);

        Assert.Equal(
            """
            VM   PORT  NAME    FROM GUEST  TO GUEST  MSG/s  CLIENTS  STATE
            web     4  test.a   2.0 KiB/s     0 B/s      0        0  ok

            """,
            RateTable.Of(report, TopOrder.Rate, width: null));
    }

    [Fact]
    public async Task Sampler_BetweenTwoLooks_SeesWhatMoved()
    {
        await using ControlRig rig = new();
        VmHost web = await rig.AddAsync("web", "port=1,protocol=test.echo,service=echo");
        _ = await rig.AddAsync("db", "port=2,protocol=test.idle,service=echo");
        using GuestDouble guest = new(web);
        guest.Driver.Open(1);
        RateSampler sampler = new([rig.Client], vm: null);
        RatesReport first = await sampler.NextAsync(ControlRig.Cancellation);
        guest.Driver.Write(1, "hello"u8);
        _ = guest.Driver.Receive(1, 5);

        RatesReport second = await sampler.NextAsync(ControlRig.Cancellation);

        Assert.Equal((0d, 2), (first.Seconds, first.Ports.Count));
        Assert.All(first.Ports, port => Assert.Equal(0, port.FromGuestBytesPerSecond));
        Assert.Equal(5, second.Ports.Single(port => port.Vm == "web").FromGuestBytesPerSecond * second.Seconds, 3);
        Assert.Equal(0, second.Ports.Single(port => port.Vm == "db").FromGuestBytesPerSecond);
    }

    private static PortRates Rates(string vm, PortInfo port, double fromGuest) => new() { Vm = vm, Port = port, FromGuestBytesPerSecond = fromGuest };

    private static PortInfo Port(int number, string protocol, long fromGuest, long toGuest) => new()
    {
        Number = number,
        Protocol = protocol,
        PluggedSince = Noon,
        HostEnd = "service echo",
        Limits = new(0, 0, ClientAccess.ReadWrite),
        Counters = new() { FromGuestBytes = fromGuest, ToGuestBytes = toGuest },
    };
}
