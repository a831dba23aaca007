using System.Collections.Concurrent;
using Microsoft.Extensions.Logging;
using VmChannel.Native;

namespace VmChannel.Cli.CommandLine;

/// <summary>The log: one line per event on standard error, in journald's form when that is where it goes.</summary>
/// <remarks>A thread of its own writes, so that whoever does not read the log cannot stop a device. Lines past the backlog are counted.</remarks>
internal sealed class LineLog : ILoggerFactory
{
    private const int Backlog = 1000;
    private static readonly TimeSpan LastWords = TimeSpan.FromSeconds(2);

    private readonly BlockingCollection<string> _lines = new(Backlog);
    private readonly LineLogger _logger;
    private readonly Thread _writer;
    private long _lost;

    /// <param name="lowest">Less important events are left out.</param>
    public LineLog(LogLevel lowest)
    {
        _logger = new LineLogger(lowest, IsJournal(), Add);
        _writer = new Thread(WriteLines) { Name = "log", IsBackground = true };
        _writer.Start();
    }

    public ILogger CreateLogger(string categoryName) => _logger;

    public void AddProvider(ILoggerProvider provider) => throw new NotSupportedException("there is one log");

    /// <summary>Writes what waits, if it is read.</summary>
    public void Dispose()
    {
        _lines.CompleteAdding();
        if (_writer.Join(LastWords))
        {
            _lines.Dispose();
        }
    }

    private void Add(string line)
    {
        try
        {
            if (!_lines.TryAdd(line))
            {
                _ = Interlocked.Increment(ref _lost);
            }
        }
        catch (InvalidOperationException)
        {
            // After the end: nothing follows.
        }
    }

    private void WriteLines()
    {
        foreach (string line in _lines.GetConsumingEnumerable())
        {
            StandardStream.WriteError(line);
            if (Interlocked.Exchange(ref _lost, 0) is > 0 and long lost)
            {
                StandardStream.WriteError($"vmchannel: {lost} log lines were lost: nobody read them in time\n");
            }
        }
    }

    /// <summary>systemd names the stream it connected; a redirection afterwards makes standard error another file.</summary>
    private static bool IsJournal()
        => Environment.GetEnvironmentVariable("JOURNAL_STREAM") is string stream
            && FileDescriptor.Borrow(2).Identity() is FileIdentity error
            && stream == $"{error.Device}:{error.Inode}";

    private sealed class LineLogger(LogLevel lowest, bool isJournal, Action<string> write) : ILogger
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
                write(isJournal ? $"<{Priority(logLevel)}>{text}\n" : $"{Time()} {Mark(logLevel)}{text}\n");
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
