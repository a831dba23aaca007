using System.Text.Json;
using VmChannel.Device.Qmp;
using VmChannel.Wire.Qmp;
using Xunit;

namespace VmChannel.Device.Tests.Qmp;

/// <summary>A monitor that is slow, confused or hostile: one clear reason, and nothing without a bound.</summary>
public sealed class QmpClientTests : IDisposable
{
    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(30);

    private readonly ScriptedMonitor _monitor = new();
    private readonly List<string> _events = [];

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Answers_InAnyOrderAndAmongEvents_ReachWhoAsked()
    {
        await using QmpClient client = await ConnectAsync();
        Task<JsonElement> first = client.ExecuteAsync("first", null, Cancellation);
        _ = await _monitor.HearAsync();
        Task<JsonElement> second = client.ExecuteAsync("second", null, Cancellation);
        _ = await _monitor.HearAsync();
        await _monitor.SayAsync("""{"event": "STOP", "timestamp": {}}""");
        await _monitor.SayAsync("""{"return": "for nobody", "id": 77}""");
        await _monitor.SayAsync("""{"return": "for the second", "id": 3}""");
        await _monitor.SayAsync("""{"return": "for the first", "id": 2}""");

        Assert.Equal("for the first", (await first.WaitAsync(Deadline, Cancellation)).GetString());
        Assert.Equal("for the second", (await second.WaitAsync(Deadline, Cancellation)).GetString());
        Assert.Equal(["STOP"], _events);
    }

    [Fact]
    public async Task Refusal_NamesTheCommandAndQemusReason()
    {
        await using QmpClient client = await ConnectAsync();
        Task<JsonElement> asked = client.ExecuteAsync("device_add", null, Cancellation);
        _ = await _monitor.HearAsync();
        await _monitor.SayAsync("""{"id": 2, "error": {"class": "GenericError", "desc": "no slot"}}""");

        QmpException refusal = await Assert.ThrowsAsync<QmpException>(() => asked);
        Assert.Equal("device_add: no slot", refusal.Message);
    }

    [Fact]
    public async Task Command_ThatIsNotAnswered_IsGivenUpAndNamed()
    {
        await using QmpClient client = await ConnectAsync(TimeSpan.FromMilliseconds(300));

        QmpException late = await Assert.ThrowsAsync<QmpException>(() => client.ExecuteAsync("query-pci", null, Cancellation));
        Assert.StartsWith("query-pci: QEMU has not answered for 0.3 s", late.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Greeting_ThatDoesNotCome_SaysWhoMayHaveTheMonitor()
    {
        Task<QmpClient> connecting = QmpClient.ConnectAsync(_monitor.Address, OnEventAsync, Cancellation, TimeSpan.FromMilliseconds(300));
        await _monitor.AcceptAsync();

        QmpException silent = await Assert.ThrowsAsync<QmpException>(() => connecting);
        Assert.Contains("-qmp socket of its own", silent.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("HTTP/1.1 400 Bad Request", "not JSON")]
    [InlineData("""{"return": {}}""", "greeting")]
    public async Task Peer_ThatIsNoQemu_IsToldFromOne(string line, string reason)
    {
        Task<QmpClient> connecting = QmpClient.ConnectAsync(_monitor.Address, OnEventAsync, Cancellation);
        await _monitor.AcceptAsync();
        await _monitor.SayAsync(line);

        Assert.Contains(reason, (await Assert.ThrowsAsync<QmpException>(() => connecting)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Line_WithoutAnEnd_EndsTheConnectionAtTheLimit()
    {
        await using QmpClient client = await ConnectAsync();
        long taken = await _monitor.FloodAsync(new byte[1 << 20], 64);

        Assert.Contains($"more than {QmpMessage.MaxBytes} bytes", await client.Completion.WaitAsync(Deadline, Cancellation), StringComparison.Ordinal);
        Assert.InRange(taken, QmpMessage.MaxBytes - (1 << 20), QmpMessage.MaxBytes + (4 << 20));
    }

    /// <summary>What waits for an answer ends at once, with the reason, and the connection with it.</summary>
    [Theory]
    [InlineData("garbage", "not JSON at byte 0")]
    [InlineData("deep", "not JSON at byte 64")]
    [InlineData("binary", "not JSON at byte 0")]
    [InlineData("array", "neither a greeting, an answer nor an event")]
    [InlineData("two", "more than one JSON value")]
    public async Task Nonsense_InPlaceOfAnAnswer_EndsTheConnectionWithItsReason(string kind, string reason)
    {
        string line = kind switch
        {
            "garbage" => "rubbish",
            "deep" => new string('[', 100_000) + new string(']', 100_000),
            "binary" => "\0\u0001\u00ff{\"return\": {}}",
            "array" => "[1, 2]",
            _ => """{"return": {}} {"return": {}}""",
        };
        await using QmpClient client = await ConnectAsync();
        Task<JsonElement> asked = client.ExecuteAsync("query-status", null, Cancellation);
        _ = await _monitor.HearAsync();
        await _monitor.SayAsync(line);

        Assert.Equal("query-status: QEMU hung up", (await Assert.ThrowsAsync<QmpException>(() => asked)).Message);
        Assert.Contains(reason, await client.Completion.WaitAsync(Deadline, Cancellation), StringComparison.Ordinal);
    }

    [Fact]
    public async Task HangUp_InTheMiddleOfAnAnswer_IsNoAnswer()
    {
        await using QmpClient client = await ConnectAsync();
        Task<JsonElement> asked = client.ExecuteAsync("query-status", null, Cancellation);
        _ = await _monitor.HearAsync();
        _ = await _monitor.FloodAsync("""{"return": {"running": true}, "id": 2}"""u8.ToArray(), 1);
        _monitor.HangUp();

        Assert.Equal("query-status: QEMU hung up", (await Assert.ThrowsAsync<QmpException>(() => asked)).Message);
    }

    [Fact]
    public async Task HangUp_InTheMiddleOfTheGreeting_IsNoQemu()
    {
        Task<QmpClient> connecting = QmpClient.ConnectAsync(_monitor.Address, OnEventAsync, Cancellation);
        await _monitor.AcceptAsync();
        _ = await _monitor.FloodAsync("""{"QMP": {"version": """u8.ToArray(), 1);
        _monitor.HangUp();

        Assert.Equal("QEMU hung up", (await Assert.ThrowsAsync<QmpException>(() => connecting)).Message);
    }

    [Fact]
    public async Task Events_WithoutEnd_WaitUntilTheyAreWanted()
    {
        using SemaphoreSlim wanted = new(0);
        Task<QmpClient> connecting = QmpClient.ConnectAsync(_monitor.Address, _ => wanted.WaitAsync(Cancellation), Cancellation);
        await _monitor.GreetAsync();
        await using QmpClient client = await connecting;
        byte[] flood = [.. Enumerable.Repeat("{\"event\": \"STOP\"}\n"u8.ToArray(), 4096).SelectMany(line => line)];
        Task<long> flooding = _monitor.FloodAsync(flood, 1024);

        // The socket's buffer is full, and no more is read.
        Assert.NotSame(flooding, await Task.WhenAny(flooding, Task.Delay(500, Cancellation)));
        _monitor.HangUp();
        wanted.Release(100_000);
        _ = await flooding;
        _ = await client.Completion.WaitAsync(Deadline, Cancellation);
    }

    [Fact]
    public async Task HangUp_OfQemu_EndsWhatWaits()
    {
        await using QmpClient client = await ConnectAsync();
        Task<JsonElement> asked = client.ExecuteAsync("query-status", null, Cancellation);
        _ = await _monitor.HearAsync();
        _monitor.HangUp();

        Assert.Equal("query-status: QEMU hung up", (await Assert.ThrowsAsync<QmpException>(() => asked)).Message);
        Assert.Equal("QEMU hung up", await client.Completion.WaitAsync(Deadline, Cancellation));
    }

    public void Dispose() => _monitor.Dispose();

    private async Task<QmpClient> ConnectAsync(TimeSpan? patience = null)
    {
        Task<QmpClient> connecting = QmpClient.ConnectAsync(_monitor.Address, OnEventAsync, Cancellation, patience);
        await _monitor.GreetAsync();
        return await connecting;
    }

    private Task OnEventAsync(QmpMessage.Event happened)
    {
        _events.Add(happened.Name);
        return Task.CompletedTask;
    }
}
