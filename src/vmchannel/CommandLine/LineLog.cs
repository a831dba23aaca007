using Microsoft.Extensions.Logging;
using VmChannel.Native;

namespace VmChannel.Cli.CommandLine;

/// <summary>The log: one line per event on standard error, in journald's form when that is where it goes.</summary>
internal sealed class LineLog : ILoggerFactory
{
    private readonly LineLogger _logger;

    /// <param name="lowest">Less important events are left out.</param>
    public LineLog(LogLevel lowest) => _logger = new LineLogger(lowest, IsJournal());

    public ILogger CreateLogger(string categoryName) => _logger;

    public void AddProvider(ILoggerProvider provider) => throw new NotSupportedException("there is one log");

    public void Dispose()
    {
    }

    /// <summary>systemd names the stream it connected; a redirection afterwards makes standard error another file.</summary>
    private static bool IsJournal()
        => Environment.GetEnvironmentVariable("JOURNAL_STREAM") is string stream
            && FileDescriptor.Borrow(2).Identity() is FileIdentity error
            && stream == $"{error.Device}:{error.Inode}";

    private sealed class LineLogger(LogLevel lowest, bool isJournal) : ILogger
    {
        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull
            => null;

        public bool IsEnabled(LogLevel logLevel) => logLevel >= lowest;

        public void Log<TState>(
            LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
        {
            if (IsEnabled(logLevel))
            {
                string text = StandardStream.Printable(formatter(state, exception) + (exception is null ? "" : $": {exception}"));
                StandardStream.WriteError(isJournal ? $"<{Priority(logLevel)}>{text}\n" : $"{Time()} {Mark(logLevel)}{text}\n");
            }
        }

        private static string Time() => TimeProvider.System.GetLocalNow().ToString("HH:mm:ss.fff", System.Globalization.CultureInfo.InvariantCulture);

        private static string Mark(LogLevel level) => level switch
        {
            >= LogLevel.Error => "error: ",
            LogLevel.Warning => "warning: ",
            _ => "",
        };

        /// <summary>syslog(3) priorities.</summary>
        private static int Priority(LogLevel level) => level switch
        {
            LogLevel.Critical => 2,
            LogLevel.Error => 3,
            LogLevel.Warning => 4,
            LogLevel.Information => 6,
            _ => 7,
        };
    }
}
