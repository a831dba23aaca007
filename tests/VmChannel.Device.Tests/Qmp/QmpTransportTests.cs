using System.Diagnostics;
using System.Diagnostics.CodeAnalysis;
using System.Text.Json;
using VmChannel.Device.Events;
using VmChannel.Device.Ports;
using VmChannel.Device.Qmp;
using VmChannel.Testing;
using Xunit;

namespace VmChannel.Device.Tests.Qmp;

/// <summary>A monitor that says well-formed nonsense: no answer is relied upon, and the next QEMU is met all the same.</summary>
public sealed class QmpTransportTests : IDisposable
{
    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(30);

    private readonly LogLines _log = new();
    private readonly ScriptedMonitor _monitor = new();
    [SuppressMessage("Usage", "CA2213", Justification = "the port's")]
    private readonly ScriptedEnd _end = new();
    private readonly LoopThread _thread;
    [SuppressMessage("Usage", "CA2213", Justification = "disposed on the loop's thread")]
    private readonly QmpTransport _transport;
    [SuppressMessage("Usage", "CA2213", Justification = "disposed on the loop's thread")]
    private readonly Port _port;

    /// <summary>Ports that this QEMU has from before, connected to pipes.</summary>
    private (string Id, int Number, string Name)[] _qemuPorts = [];

    public QmpTransportTests()
    {
        _thread = new LoopThread(_log);
        _transport = _thread.Invoke(() => new QmpTransport(
            _thread.Loop, new(MaxPorts: 31), new QmpEndpoint(_monitor.Address, LeavesPorts: true), VmJournal.Unread, _log.For<QmpTransport>()));
        _port = _thread.Invoke(() =>
        {
            Port port = new(new PortSpec(1, "org.test.one"), _end, _thread.Loop, _log.For<Port>());
            port.Start();
            _transport.Reserve();
            _ = _transport.Plug(port);
            _transport.Start();
            return port;
        });
    }

    [Theory]
    [InlineData("null")]
    [InlineData("5")]
    [InlineData("[]")]
    [InlineData("[[], 7, null, {\"name\": 5, \"type\": []}]")]
    [InlineData("[{\"name\": \"a\", \"type\": \"child<virtio-serial-pci>\"}, {\"name\": \"b\", \"type\": \"child<virtserialport>\"}, {\"name\": \"c\", \"type\": \"child<virtio-serial-bus>\"}]")]
    [InlineData("99999999999999")]
    [InlineData("{\"running\": \"yes\", \"arch\": 3}")]
    [InlineData("\", id \\\"a\\\"\"")]
    public async Task Answers_ThatAreNone_AreSurvivedAndTheNextQemuIsMet(string value)
    {
        await AnswerAsync(value, 60);
        _monitor.HangUp();
        await _monitor.GreetAsync().WaitAsync(Deadline, TestContext.Current.CancellationToken);
        Assert.Single(_log.All, line => line.Contains("has left", StringComparison.Ordinal));
        Assert.False(_log.Contains("defect"));
    }

    [Fact]
    public async Task Events_OfWhatNobodyHas_ChangeNothing()
    {
        await _monitor.GreetAsync();
        foreach (string data in new[]
        {
            "null", "5", "{}", """{"id": "vmchannel-000000-1", "open": true}""", """{"id": 7, "open": "yes"}""", """{"id": "vmchannel-", "open": true}""",
            """{"device": "vmchannel-000000-99999999999999999999"}""", """{"device": null}""",
        })
        {
            foreach (string name in new[] { "VSERPORT_CHANGE", "DEVICE_DELETED", "RESET", "STOP", "RESUME", "UNKNOWN" })
            {
                await _monitor.SayAsync($$"""{"event": "{{name}}", "data": {{data}} }""");
            }
        }

        Assert.NotEmpty(await _monitor.HearAsync().WaitAsync(Deadline, TestContext.Current.CancellationToken));
        Assert.False(_port.State.IsGuestOpen);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Port_ThatQemuRefusedForAMoment_IsPluggedInLater(bool isToldThatItRuns)
    {
        await _monitor.GreetAsync();
        _ = await ServeUntilAsync("device_add", "device_add is not allowed while migrating");
        _ = await ServeUntilAsync("chardev-remove");
        await WaitForAsync(() => _transport.State.Obstacles.ContainsKey(1));
        if (isToldThatItRuns)
        {
            await _monitor.SayAsync("""{"event": "RESUME"}""");
        }

        _ = await ServeUntilAsync("device_add", "device_add is not allowed while migrating");
        _ = await ServeUntilAsync("chardev-remove");
        await _monitor.SayAsync("""{"event": "RESUME"}""");
        _ = await ServeUntilAsync("device_add");
        await WaitForAsync(() => _transport.State.Obstacles.Count == 0);
        Assert.Single(_log.All, line => line.Contains("while migrating", StringComparison.Ordinal));
        Assert.True(_transport.IsConnected);
    }

    [Fact]
    public async Task HostEnd_ThatQemuCouldNotBeTold_IsToldLater()
    {
        await _monitor.GreetAsync();
        _ = await ServeUntilAsync("device_add");
        _thread.Invoke(() => _end.Connect(true));
        Assert.Contains("pipe", await ServeUntilAsync("chardev-change", "Failed to open pipe: Too many open files"), StringComparison.Ordinal);
        await WaitForAsync(() => _transport.State.Obstacles.ContainsKey(1));
        await _monitor.SayAsync("""{"event": "RESUME"}""");
        Assert.Contains("pipe", await ServeUntilAsync("chardev-change"), StringComparison.Ordinal);
        await WaitForAsync(() => _transport.State.Obstacles.Count == 0);
    }

    [Fact]
    public async Task Port_WhosePipesQemuDoesNotTakeWhenItIsMetAgain_IsToldOnceAndTheOthersGoOn()
    {
        _thread.Invoke(() =>
        {
            ScriptedEnd end = new();
            Port port = new(new PortSpec(2, "org.test.two"), end, _thread.Loop, _log.For<Port>());
            port.Start();
            _end.Connect(true);
            end.Connect(true);
            _ = _transport.Plug(port);
        });
        await _monitor.GreetAsync();
        List<string> ids = [];
        for (int port = 0; port < 2; port++)
        {
            ids.Add(JsonDocument.Parse(await ServeUntilAsync("device_add")).RootElement.GetProperty("arguments").GetProperty("id").GetString()!);
        }

        // The same ports are in the next monitor's QEMU, connected to pipes.
        _monitor.HangUp();
        await _monitor.GreetAsync();
        _qemuPorts = [(ids[0], 1, "org.test.one"), (ids[1], 2, "org.test.two")];
        Assert.Contains(ids[0], await ServeUntilAsync("chardev-change", "Failed to open pipe: Too many open files"), StringComparison.Ordinal);
        Assert.Contains(ids[1], await ServeUntilAsync("chardev-change"), StringComparison.Ordinal);
        await WaitForAsync(() => _transport.State.Obstacles.Count == 1 && _transport.State.Obstacles.ContainsKey(1));
        await _monitor.SayAsync("""{"event": "RESUME"}""");
        Assert.Contains(ids[0], await ServeUntilAsync("chardev-change", "Failed to open pipe: Too many open files"), StringComparison.Ordinal);
        await _monitor.SayAsync("""{"event": "RESUME"}""");
        Assert.Contains(ids[0], await ServeUntilAsync("chardev-change"), StringComparison.Ordinal);
        await WaitForAsync(() => _transport.State.Obstacles.Count == 0);
        string told = Assert.Single(_log.All, line => line.Contains("Too many open files", StringComparison.Ordinal));
        Assert.Contains("org.test.one", told, StringComparison.Ordinal);
        Assert.Contains("chardev-change", told, StringComparison.Ordinal);
        Assert.Single(_log.All, line => line.Contains("has left", StringComparison.Ordinal));
        _thread.Invoke(() => _transport.Unplug(2)?.Dispose());
    }

    [Fact]
    public async Task Port_ThatQemuDoesNotLetGo_IsTakenOutLater()
    {
        await _monitor.GreetAsync();
        _ = await ServeUntilAsync("device_add");
        _ = _thread.Invoke(() => _transport.Unplug(1));
        _ = await ServeUntilAsync("device_del", "device_del is not allowed while migrating");
        await WaitForAsync(() => _log.Contains("stays in QEMU"));
        Assert.True(_transport.IsConnected);

        // The number is not used again before that.
        _ = _thread.Invoke(() => _transport.Plug(_port));
        await WaitForAsync(() => _transport.State.Obstacles.ContainsKey(1));
        await _monitor.SayAsync("""{"event": "RESUME"}""");
        string removal = await ServeUntilAsync("device_del");
        string id = JsonDocument.Parse(removal).RootElement.GetProperty("arguments").GetProperty("id").GetString()!;
        await _monitor.SayAsync($$"""{"event": "DEVICE_DELETED", "data": {"device": "{{id}}"} }""");
        _ = await ServeUntilAsync("device_add");
        await WaitForAsync(() => _transport.State.Obstacles.Count == 0);
        Assert.False(_log.Contains("has left"));
    }

    /// <summary>Between the answer to the question and what is done about it, the answer becomes wrong.</summary>
    [Fact]
    public async Task Guest_ThatIsPausedWhileQemuIsMet_IsSuspendedUntilItGoesOn()
    {
        await _monitor.GreetAsync();
        _ = await ServeUntilAsync("query-status", then: """{"event": "STOP"}""");
        _ = await ServeUntilAsync("device_add");
        await WaitForAsync(() => _transport.IsConnected && _transport.State.IsSuspended);
        await _monitor.SayAsync("""{"event": "RESUME"}""");
        await WaitForAsync(() => !_transport.State.IsSuspended);
    }

    public void Dispose()
    {
        _transport.StopAsync().Wait(Deadline, TestContext.Current.CancellationToken);
        _thread.Invoke(() =>
        {
            _transport.Close();
            _transport.Dispose();
            _port.Dispose();
        });
        _thread.Dispose();
        _monitor.Dispose();
    }

    /// <summary>Answers as a QEMU with one controller does, up to a command, which is refused if there is a reason, and followed by what happens then.</summary>
    /// <returns>That command's line.</returns>
    private async Task<string> ServeUntilAsync(string command, string? refusal = null, string then = "")
    {
        while (true)
        {
            string line = await _monitor.HearAsync().WaitAsync(Deadline, TestContext.Current.CancellationToken);
            JsonElement asked = JsonDocument.Parse(line).RootElement;
            string name = asked.GetProperty("execute").GetString()!;
            string path = asked.TryGetProperty("arguments", out JsonElement arguments) && arguments.TryGetProperty("path", out JsonElement at) ? at.GetString()! : "";
            string property = name == "qom-get" ? arguments.GetProperty("property").GetString()! : "";
            (string Id, int Number, string Name) port = Array.Find(_qemuPorts, port => path == $"/machine/peripheral/{port.Id}");
            string value = (name, path) switch
            {
                ("qom-get", _) when port.Id is not null => property switch
                {
                    "nr" => $"{port.Number}",
                    "name" => $"\"{port.Name}\"",
                    _ => "\"/machine/peripheral-anon/device[0]/virtio-backend/serial.0\"",
                },
                ("qom-list", "/machine/peripheral-anon") => """[{"name": "device[0]", "type": "child<virtio-serial-pci>"}]""",
                ("qom-list", "/machine/peripheral") => JoinPorts(port => $"{{\"name\": \"{port.Id}\", \"type\": \"child<virtserialport>\"}}"),
                ("query-chardev", _) => JoinPorts(port => $"{{\"label\": \"{port.Id}\", \"filename\": \"pipe\", \"frontend-open\": true}}"),
                ("qom-list", _) => """[{"name": "serial.0", "type": "child<virtio-serial-bus>"}]""",
                ("qom-get", _) => "31",
                ("query-status", _) => """{"running": true}""",
                _ => "{}",
            };
            string outcome = name == command && refusal is not null
                ? $"\"error\": {{\"class\": \"GenericError\", \"desc\": \"{refusal}\"}}"
                : $"\"return\": {value}";
            await _monitor.SayAsync($"{{{outcome}, \"id\": {asked.GetProperty("id")}}}{(name == command ? $"\n{then}" : "")}");
            if (name == command)
            {
                return line;
            }
        }
    }

    private string JoinPorts(Func<(string Id, int Number, string Name), string> item) => $"[{string.Join(", ", _qemuPorts.Select(item))}]";

    private static async Task WaitForAsync(Func<bool> condition)
    {
        for (long start = Stopwatch.GetTimestamp(); !condition();)
        {
            Assert.True(Stopwatch.GetElapsedTime(start) < Deadline);
            await Task.Delay(10, TestContext.Current.CancellationToken);
        }
    }

    /// <summary>Gives the same answer to each of some commands, or to all that come within a moment.</summary>
    private async Task AnswerAsync(string value, int most)
    {
        await _monitor.GreetAsync();
        for (int id = 2; id < most; id++)
        {
            Task<string> command = _monitor.HearAsync();
            Task pause = Task.Delay(TimeSpan.FromMilliseconds(500), TestContext.Current.CancellationToken);
            if (await Task.WhenAny(command, pause) == pause || (await command).Length == 0)
            {
                return;
            }

            await _monitor.SayAsync($$"""{"return": {{value}}, "id": {{id}} }""");
        }
    }
}
