using System.Collections.Concurrent;
using System.Diagnostics.Metrics;
using System.Runtime.CompilerServices;

namespace VmChannel.Cli.Metrics;

/// <summary>What clients of the control API have asked for. Thread-safe.</summary>
internal sealed class ApiCounters
{
    /// <summary>HTTP allows any word as a method, and a client must not make series of its own.</summary>
    private const string OtherMethod = "_OTHER";

    private readonly ConcurrentDictionary<(string Method, string? Route, int Status), StrongBox<long>> _requests = new();
    private long _active;
    private long _missedEvents;

    /// <summary>Requests under way.</summary>
    public long ActiveRequests => Interlocked.Read(ref _active);

    /// <summary>Events that listeners were told they missed.</summary>
    public long MissedEvents => Interlocked.Read(ref _missedEvents);

    /// <summary>Requests that are over, by what they were and what became of them; attributes as OpenTelemetry names them.</summary>
    public IEnumerable<Measurement<long>> Requests
        => _requests.Select(request => new Measurement<long>(Interlocked.Read(ref request.Value.Value), Tags(request.Key)));

    public void Begin() => Interlocked.Increment(ref _active);

    /// <param name="method">HTTP's, as the client sent it.</param>
    /// <param name="route">The operation's pattern; null when the client asked for none of ours.</param>
    /// <param name="status">HTTP's code of the answer.</param>
    public void End(string method, string? route, int status)
    {
        _ = Interlocked.Decrement(ref _active);
        string known = method is "GET" or "POST" or "PUT" or "PATCH" or "DELETE" or "HEAD" or "OPTIONS" ? method : OtherMethod;
        _ = Interlocked.Increment(ref _requests.GetOrAdd((known, route, status), static _ => new()).Value);
    }

    public void Miss(long events) => Interlocked.Add(ref _missedEvents, events);

    private static KeyValuePair<string, object?>[] Tags((string Method, string? Route, int Status) request)
        => request.Route is null
            ? [new("http.request.method", request.Method), new("http.response.status_code", request.Status)]
            : [new("http.request.method", request.Method), new("http.response.status_code", request.Status), new("http.route", request.Route)];
}
