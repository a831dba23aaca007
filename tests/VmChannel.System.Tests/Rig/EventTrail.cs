using System.Globalization;
using VmChannel.Control;

namespace VmChannel.SystemTests.Rig;

/// <summary>Everything that a server tells of from some moment on; a gap in it is an error.</summary>
internal sealed class EventTrail : IAsyncDisposable
{
    private readonly CancellationTokenSource _end = new();
    private readonly Lock _lock = new();
    private readonly List<ChannelEvent> _events = [];
    private readonly Task _reading;
    private int _seen;

    private EventTrail(ControlClient control, long after) => _reading = ReadAsync(control, after);

    /// <summary>Listens from now on: nothing that happens after this returned is left out.</summary>
    public static async Task<EventTrail> StartAsync(ServeProcess serve) => new(serve.Control, (await serve.Control.GetServerAsync()).LastEvent);

    public ChannelEvent[] All
    {
        get
        {
            lock (_lock)
            {
                return [.. _events];
            }
        }
    }

    /// <summary>The first event of this kind about this subject, told already or yet to come.</summary>
    public async Task<ChannelEvent> WaitForAsync(string kind, string? protocol)
    {
        await UntilAsync(() => All.Any(IsIt), $"{kind} of {protocol ?? "the device"}");
        return All.First(IsIt);

        bool IsIt(ChannelEvent told) => told.Kind == kind && told.Protocol == protocol;
    }

    /// <summary>The next events of a port, or of the device, are exactly these, in this order.</summary>
    /// <param name="protocol">The port's; null for the device.</param>
    /// <param name="expected">Regular expressions, each for a whole "KIND GENERATION CAUSE", parts that an event lacks left out.</param>
    public async Task ExpectAsync(string? protocol, params string[] expected)
    {
        foreach (string pattern in expected)
        {
            ChannelEvent? next = null;
            await UntilAsync(
                () => (next = All.Skip(_seen).FirstOrDefault(told => told.Protocol == protocol)) is not null, $"{pattern} of {protocol ?? "the device"}");
            Assert.True(
                System.Text.RegularExpressions.Regex.IsMatch(Describe(next!), $"^{pattern}$"), $"expected {pattern} of {protocol ?? "the device"}:\n{this}");
            _seen = All.IndexOf(next!) + 1;
        }
    }

    public override string ToString() => string.Join('\n', All.Select(told => $"{told.Id} {told.Protocol ?? "device"}: {Describe(told)}"));

    public async ValueTask DisposeAsync()
    {
        await _end.CancelAsync();
        await _reading;
        _end.Dispose();
    }

    private static string Describe(ChannelEvent told) =>
        string.Join(' ', new[] { told.Kind, told.Generation?.ToString(CultureInfo.InvariantCulture), told.Cause }.OfType<string>());

    private async Task UntilAsync(Func<bool> condition, string what)
    {
        await Patience.UntilAsync(() => condition() || _reading.IsCompleted, () => $"never told: {what}\n{this}");
        if (!condition())
        {
            await _reading;
            Assert.Fail($"the server ended before it told: {what}\n{this}");
        }
    }

    private async Task ReadAsync(ControlClient control, long after)
    {
        try
        {
            await foreach (EventMessage message in control.WatchAsync(after: after, cancellationToken: _end.Token))
            {
                Assert.Equal(++after, message.Event?.Id);
                lock (_lock)
                {
                    _events.Add(message.Event!);
                }
            }
        }
        catch (OperationCanceledException) when (_end.IsCancellationRequested)
        {
            // Nobody listens any more.
        }
    }
}
