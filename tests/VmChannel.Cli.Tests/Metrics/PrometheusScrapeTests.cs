using System.Diagnostics.Metrics;
using System.IO.Pipelines;
using System.Text;
using VmChannel.Cli.Metrics;
using Xunit;

namespace VmChannel.Cli.Tests.Metrics;

public sealed class PrometheusScrapeTests
{
    [Fact]
    public async Task Name_OfAnInstrument_HasItsUnitAndKind()
    {
        using Meter meter = new("test");
        _ = meter.CreateObservableCounter("a.io", () => 1L, "By", "Bytes.");
        _ = meter.CreateObservableCounter("a.wait_time", () => 0.25, "s", "Time.");
        _ = meter.CreateObservableUpDownCounter("a.open", () => 2L, "{port}", "Ports.");
        _ = meter.CreateObservableGauge("a.age", () => 1e-7, "s", "Age.");

        Assert.Equal(
            """
            # HELP a_io_bytes_total Bytes.
            # TYPE a_io_bytes_total counter
            a_io_bytes_total 1
            # HELP a_wait_time_seconds_total Time.
            # TYPE a_wait_time_seconds_total counter
            a_wait_time_seconds_total 0.25
            # HELP a_open Ports.
            # TYPE a_open gauge
            a_open 2
            # HELP a_age_seconds Age.
            # TYPE a_age_seconds gauge
            a_age_seconds 1E-07

            """,
            await ScrapeAsync(meter));
    }

    [Fact]
    public async Task Unit_WithoutAWordInPrometheus_IsADefect()
    {
        using Meter meter = new("test");
        _ = meter.CreateObservableGauge("a.share", () => 1L, "1", "Share.");

        _ = await Assert.ThrowsAsync<ArgumentException>(() => ScrapeAsync(meter));
    }

    [Fact]
    public async Task Labels_WithAnyText_AreReadBackAsTheyWere()
    {
        const string Nasty = "quote \" backslash \\ line\nend \\n \u00e4\u20ac\U0001F600";
        using Meter meter = new("test");
        _ = meter.CreateObservableCounter(
            "a.b", () => new Measurement<long>(7, [new("some.name", Nasty), new("none", null), new("number", 3)]), "{x}", "Back\\slash\nand line.");

        Exposition exposition = Exposition.Parse(await ScrapeAsync(meter));

        Assert.Equal(7, exposition.Value("a_b_total", $"none=,number=3,some_name={Nasty}"));
        Assert.Equal(@"Back\\slash\nand line.", exposition.Families["a_b_total"].Help);
    }

    [Fact]
    public async Task Meter_OfTheSameName_IsNotMixedIn()
    {
        using Meter mine = new("test");
        using Meter other = new("test");
        _ = mine.CreateObservableCounter("a.mine", () => 1L, "{x}", "Mine.");
        _ = other.CreateObservableCounter("a.other", () => 1L, "{x}", "Other.");

        Assert.Equal(["a_mine_total"], Exposition.Parse(await ScrapeAsync(mine)).Families.Keys);
    }

    [Fact]
    public async Task Scrape_OfAThousandVms_HasEverySeriesAndHoldsOneInstrument()
    {
        const int Vms = 1000;
        const int Ports = 31;
        const int Instruments = 4;
        using Meter meter = new("test");
        for (int i = 0; i < Instruments; i++)
        {
            _ = meter.CreateObservableCounter($"a.c{i}", Observe, "By", "Bytes.");
        }

        CountingStream output = new();
        PipeWriter writer = PipeWriter.Create(output);
        await PrometheusScrape.WriteAsync(meter, writer, TestContext.Current.CancellationToken);

        Exposition exposition = Exposition.Parse(Encoding.UTF8.GetString(output.ToArray()));
        Assert.Equal(Instruments, exposition.Families.Count);
        Assert.All(exposition.Families.Values, family => Assert.Equal(Vms * Ports, family.Samples.Count));
        Assert.Equal(999_030, exposition.Value("a_c3_bytes_total", "port=30,protocol=org.qemu.clipboard,vm=vm999"));
        Assert.True(output.Flushes >= Instruments, $"{output.Flushes} flushes");

        static IEnumerable<Measurement<long>> Observe()
        {
            for (int vm = 0; vm < Vms; vm++)
            {
                for (int port = 0; port < Ports; port++)
                {
                    yield return new((vm * 1000L) + port, [new("vm", $"vm{vm}"), new("port", port), new("protocol", "org.qemu.clipboard")]);
                }
            }
        }
    }

    private static async Task<string> ScrapeAsync(Meter meter)
    {
        using MemoryStream output = new();
        await PrometheusScrape.WriteAsync(meter, PipeWriter.Create(output), TestContext.Current.CancellationToken);
        return Encoding.UTF8.GetString(output.ToArray());
    }

    private sealed class CountingStream : MemoryStream
    {
        public int Flushes { get; private set; }

        public override Task FlushAsync(CancellationToken cancellationToken)
        {
            Flushes++;
            return base.FlushAsync(cancellationToken);
        }
    }
}
