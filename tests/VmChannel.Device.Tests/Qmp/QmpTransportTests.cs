using System.Diagnostics.CodeAnalysis;
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
    private readonly LoopThread _thread;
    [SuppressMessage("Usage", "CA2213", Justification = "disposed on the loop's thread")]
    private readonly QmpTransport _transport;
    [SuppressMessage("Usage", "CA2213", Justification = "disposed on the loop's thread")]
    private readonly Port _port;

    public QmpTransportTests()
    {
        _thread = new LoopThread(_log);
        _transport = _thread.Invoke(() => new QmpTransport(
            _thread.Loop, new(MaxPorts: 31), new QmpEndpoint(_monitor.Address, LeavesPorts: true), VmJournal.Unread, _log.For<QmpTransport>()));
        _port = _thread.Invoke(() =>
        {
            Port port = new(new PortSpec(1, "org.test.one"), new ScriptedEnd(), _thread.Loop, _log.For<Port>());
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
