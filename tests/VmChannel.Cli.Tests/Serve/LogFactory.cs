using Microsoft.Extensions.Logging;
using VmChannel.Testing;

namespace VmChannel.Cli.Tests.Serve;

/// <summary>Every part's log in one place.</summary>
internal sealed class LogFactory : ILoggerFactory
{
    public LogLines Lines { get; } = new();

    public ILogger CreateLogger(string categoryName) => Lines;

    public void AddProvider(ILoggerProvider provider) => throw new NotSupportedException();

    public void Dispose()
    {
    }
}
