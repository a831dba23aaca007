using System.Collections.Concurrent;
using Microsoft.Extensions.Logging;
using VmChannel.Device.Loop;

namespace VmChannel.Device.Tests.Chardevs;

/// <summary>Keeps what was logged.</summary>
internal sealed class RecordingLog : ILogger<DeviceLoop>
{
    public ConcurrentQueue<string> Lines { get; } = new();

    public IDisposable? BeginScope<TState>(TState state)
        where TState : notnull
        => null;

    public bool IsEnabled(LogLevel logLevel) => true;

    public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
        => Lines.Enqueue($"{logLevel}: {formatter(state, exception)}");
}
