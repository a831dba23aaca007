using System.Diagnostics.Metrics;
using VmChannel.Cli.Serve;

namespace VmChannel.Cli.Metrics;

/// <summary>A server's meter, which is made when somebody first wants it, and what has to be counted from the start. Thread-safe.</summary>
/// <param name="server">What is measured.</param>
internal sealed class ServerMetrics(Server server) : IDisposable
{
    private readonly Lock _making = new();
    private ServerMeter? _meter;

    public ApiCounters Api { get; } = new();

    public Meter Meter
    {
        get
        {
            lock (_making)
            {
                return (_meter ??= new ServerMeter(server, Api)).Meter;
            }
        }
    }

    /// <summary>Nobody collects any more.</summary>
    public void Dispose() => _meter?.Dispose();
}
