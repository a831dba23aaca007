using System.Diagnostics.Metrics;
using System.Net;
using System.Net.Sockets;
using VmChannel.Cli.Metrics;
using VmChannel.Cli.Serve;
using VmChannel.Cli.Tests.Control;
using VmChannel.Cli.Tests.Serve;
using VmChannel.Device.VirtioSerial;
using VmChannel.Testing;
using VmChannel.Wire.VirtioConsole;
using Xunit;

namespace VmChannel.Cli.Tests.Metrics;

public sealed class MetricsRouteTests
{
    [Fact]
    public async Task Io_AfterTraffic_IsExactToTheByte()
    {
        await using ControlRig rig = new();
        VmHost vm = await rig.AddAsync("web", "port=1,protocol=test.echo,service=echo", "port=3,protocol=test.quiet,service=echo");
        using GuestDouble guest = new(vm);
        byte[] bytes = new byte[123_457];
        guest.Driver.Open(1);
        int messages = (bytes.Length + guest.Driver.Output(1).BufferBytes - 1) / guest.Driver.Output(1).BufferBytes;
        for (int at = 0; at < bytes.Length; at += 10_000)
        {
            guest.Driver.Write(1, bytes.AsSpan(at, Math.Min(10_000, bytes.Length - at)));
            _ = guest.Driver.Receive(1, Math.Min(10_000, bytes.Length - at));
        }

        const string Port1 = "port=1,protocol=test.echo,vm=web";
        Exposition exposition = await ScrapeAsync(rig);
        Assert.Equal(bytes.Length, exposition.Value("vmchannel_port_io_bytes_total", "direction=from_guest," + Port1));
        Assert.Equal(bytes.Length, exposition.Value("vmchannel_port_io_bytes_total", "direction=to_guest," + Port1));
        Assert.Equal(0, exposition.Value("vmchannel_port_io_bytes_total", "direction=to_guest,port=3,protocol=test.quiet,vm=web"));
        Assert.True(exposition.Value("vmchannel_port_messages_total", "direction=from_guest," + Port1) >= messages);
        Assert.InRange(exposition.Value("vmchannel_port_kicks_total", Port1), 1, exposition.Value("vmchannel_device_kicks_total", "vm=web"));
        Assert.InRange(exposition.Value("vmchannel_port_calls_total", Port1), 1, exposition.Value("vmchannel_device_calls_total", "vm=web"));
        Assert.Equal(1, exposition.Value("vmchannel_port_open", "end=guest," + Port1));
        Assert.Equal(0, exposition.Value("vmchannel_port_open", "end=guest,port=3,protocol=test.quiet,vm=web"));
        Assert.Equal(1, exposition.Value("vmchannel_port_open", "end=host," + Port1));
        Assert.Equal(1, exposition.Value("vmchannel_port_ready", Port1));
        Assert.Equal(1, exposition.Value("vmchannel_frontend_connected", "vm=web"));
        Assert.Equal(1, exposition.Value("vmchannel_frontend_connections_total", "vm=web"));
        Assert.Equal(1, exposition.Value("vmchannel_device_driver_ready", "vm=web"));
        Assert.Equal(2, exposition.Value("vmchannel_device_ports", "vm=web"));
        Assert.True(exposition.Value("vmchannel_device_control_messages_total", "vm=web") > 0);
    }

    /// <summary>Both count while they are read: a port that was read later could have more kicks than its device.</summary>
    [Theory]
    [InlineData("kicks")]
    [InlineData("calls")]
    [InlineData("suppressed_calls")]
    public async Task Port_IsReadBeforeItsDevice(string counter)
    {
        await using ControlRig rig = new();
        _ = await rig.AddAsync("web", "port=1,protocol=test.echo,service=echo");

        List<string> order = [.. (await ScrapeAsync(rig)).Families.Keys];

        Assert.InRange(order.IndexOf($"vmchannel_port_{counter}_total"), 0, order.IndexOf($"vmchannel_device_{counter}_total"));
    }

    [Fact]
    public async Task Message_ThatMakesNoSense_IsCounted()
    {
        await using ControlRig rig = new();
        VmHost vm = await rig.AddAsync("web", "port=1,protocol=test.echo,service=echo");
        using GuestDouble guest = new(vm);

        guest.Driver.Send(77, ControlEvent.PortOpen, 1);

        Assert.Equal(1, (await ScrapeAsync(rig)).Value("vmchannel_device_bad_messages_total", "vm=web"));
    }

    [Fact]
    public async Task Bytes_ThatDoNotMove_StallWithAReason()
    {
        await using ControlRig rig = new();
        VirtioSerialSettings settings = new(MaxPorts: 8) { StallAfter = TimeSpan.FromMilliseconds(50) };
        VmHost vm = await rig.AddAsync("web", settings, $"port=1,protocol=test.alone,char=unix:{rig.File("alone.sock")},server=on,wait=off");
        using GuestDouble guest = new(vm);
        guest.Driver.Open(1);

        guest.Driver.Write(1, "anybody?"u8);

        Wait.Until(() => vm.Ports[1]!.Port.State.StalledSince is not null, "the stall");
        Exposition exposition = await ScrapeAsync(rig);
        Assert.Equal(1, exposition.Value("vmchannel_port_stalled", "port=1,protocol=test.alone,reason=no_host_end,vm=web"));
        Assert.Equal(1, exposition.Value("vmchannel_port_stalls_total", "port=1,protocol=test.alone,vm=web"));
        Assert.Equal(0, exposition.Value("vmchannel_port_io_bytes_total", "direction=from_guest,port=1,protocol=test.alone,vm=web"));
        Assert.Equal(0, exposition.Value("vmchannel_port_open", "end=host,port=1,protocol=test.alone,vm=web"));
    }

    [Fact]
    public async Task Port_ThatIsUnplugged_HasNoSeries()
    {
        await using ControlRig rig = new();
        VmHost vm = await rig.AddAsync("web", "port=1,protocol=test.echo,service=echo", "port=2,protocol=test.other,service=echo");

        Assert.True(await vm.UnplugAsync(1, ControlRig.Cancellation));

        Exposition exposition = await ScrapeAsync(rig);
        Assert.DoesNotContain(exposition.Families.Values, family => family.Samples.Keys.Any(labels => labels.Contains("port=1,", StringComparison.Ordinal)));
        Assert.Equal(0, exposition.Value("vmchannel_port_stalled", "port=2,protocol=test.other,vm=web"));
    }

    [Fact]
    public async Task Clients_OfOneChannel_AreCounted()
    {
        await using ControlRig rig = new();
        string path = rig.File("many.sock");
        _ = await rig.AddAsync("web", $"port=1,protocol=test.many,char=unix:{path},server=on,wait=off,clients=4,mode=broadcast");
        const string Port1 = "port=1,protocol=test.many";
        Exposition before = await ScrapeAsync(rig);
        Assert.Equal(0, before.Value("vmchannel_port_open", $"end=host,{Port1},vm=web"));
        Assert.Equal(0, before.Value("vmchannel_port_clients", $"{Port1},state=served,vm=web"));

        using Socket first = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        using Socket second = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        await first.ConnectAsync(new UnixDomainSocketEndPoint(path), ControlRig.Cancellation);
        await second.ConnectAsync(new UnixDomainSocketEndPoint(path), ControlRig.Cancellation);

        Wait.Until(() => rig.Server.Find("web")!.Ports[1]!.Port.Clients.Count == 2, "two clients");
        Exposition after = await ScrapeAsync(rig);
        Assert.Equal(2, after.Value("vmchannel_port_clients", $"{Port1},state=served,vm=web"));
        Assert.Equal(0, after.Value("vmchannel_port_clients", $"{Port1},state=waiting,vm=web"));
        Assert.Equal(1, after.Value("vmchannel_port_open", $"end=host,{Port1},vm=web"));
    }

    [Fact]
    public async Task Vms_OfOneServer_HaveSeriesOfTheirOwn()
    {
        await using ControlRig rig = new();
        _ = await rig.AddAsync("one", "port=1,protocol=test.echo,service=echo");
        _ = await rig.AddAsync("two", "port=1,protocol=test.echo,service=echo");

        Exposition exposition = await ScrapeAsync(rig);

        Assert.Equal(2, exposition.Value("vmchannel_server_vms", ""));
        Assert.Equal(0, exposition.Value("vmchannel_frontend_connected", "vm=one"));
        Assert.Equal(0, exposition.Value("vmchannel_frontend_connected", "vm=two"));
        Assert.Equal(rig.Server.Journal.Last, exposition.Value("vmchannel_server_events_total", ""));
    }

    [Fact]
    public async Task Requests_AreCountedByRouteAndStatus()
    {
        await using ControlRig rig = new();
        _ = await rig.Client.GetServerAsync(ControlRig.Cancellation);
        _ = await GetStatusAsync(rig, HttpMethod.Get, "v1/vms/none");
        _ = await GetStatusAsync(rig, HttpMethod.Get, "nowhere");
        _ = await GetStatusAsync(rig, new HttpMethod("BREW"), "v1/server");

        Exposition exposition = await ScrapeAsync(rig);

        const string Requests = "vmchannel_api_requests_total";
        Assert.Equal(1, exposition.Value(Requests, "http_request_method=GET,http_response_status_code=200,http_route=/v1/server"));
        Assert.Equal(1, exposition.Value(Requests, "http_request_method=GET,http_response_status_code=404,http_route=/v1/vms/{vm}"));
        Assert.Equal(1, exposition.Value(Requests, "http_request_method=GET,http_response_status_code=404"));
        Assert.Equal(1, exposition.Value(Requests, "http_request_method=_OTHER,http_response_status_code=405"));
        Assert.Equal(1, exposition.Value("vmchannel_api_active_requests", ""));
    }

    [Fact]
    public async Task Scrape_Concurrent_EachIsWhole()
    {
        await using ControlRig rig = new();
        _ = await rig.AddAsync("web", "port=1,protocol=test.echo,service=echo");

        Exposition[] all = await Task.WhenAll(Enumerable.Range(0, 16).Select(_ => ScrapeAsync(rig)));

        Assert.All(all, exposition => Assert.Equal(1, exposition.Value("vmchannel_device_ports", "vm=web")));
    }

    [Fact]
    public async Task Instruments_AllHaveWhatTheDocumentSaysAboutThem()
    {
        await using ControlRig rig = new();
        using ServerMeter server = new(rig.Server, new ApiCounters());
        List<string> instruments = [];
        using MeterListener listener = new();
        listener.InstrumentPublished = (instrument, _) =>
        {
            if (ReferenceEquals(instrument.Meter, server.Meter))
            {
                instruments.Add($"| `{instrument.Name}` | `{PrometheusFamily.Of(instrument).Name}` | {Kind(instrument)} | {instrument.Unit} |");
            }
        };
        listener.Start();

        string[] documented =
        [
            .. (await File.ReadAllLinesAsync(Path.Combine(Repository.Root, "docs", "metrics.md"), ControlRig.Cancellation))
                .Where(line => line.StartsWith("| `vmchannel.", StringComparison.Ordinal))
                .Select(line => string.Join('|', line.Split('|')[..5]) + "|"),
        ];

        Assert.Equal(instruments.Order(StringComparer.Ordinal), documented.Order(StringComparer.Ordinal));
    }

    private static string Kind(Instrument instrument) => instrument.GetType().Name switch
    {
        "ObservableCounter`1" => "counter",
        "ObservableUpDownCounter`1" => "up-down counter",
        _ => "gauge",
    };

    private static async Task<Exposition> ScrapeAsync(ControlRig rig)
    {
        using HttpResponseMessage response = await rig.Http.GetAsync(new Uri("metrics", UriKind.Relative), ControlRig.Cancellation);
        Assert.Equal("text/plain; version=0.0.4; charset=utf-8", response.Content.Headers.ContentType!.ToString());
        return Exposition.Parse(await response.Content.ReadAsStringAsync(ControlRig.Cancellation));
    }

    private static async Task<HttpStatusCode> GetStatusAsync(ControlRig rig, HttpMethod method, string path)
    {
        using HttpRequestMessage request = new(method, path);
        using HttpResponseMessage response = await rig.Http.SendAsync(request, ControlRig.Cancellation);
        return response.StatusCode;
    }
}
