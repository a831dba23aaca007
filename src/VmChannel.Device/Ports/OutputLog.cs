using System.Diagnostics;
using Microsoft.Extensions.Logging;
using VmChannel.Device.Channels;
using VmChannel.Native;

namespace VmChannel.Device.Ports;

/// <summary>Keeps what the guest writes to a port in a file of bounded size (<c>logfile=</c>). Loop thread only.</summary>
/// <remarks>
/// The bytes go from guest memory to the file without a copy. Nothing that happens to the file touches the port: what
/// cannot be kept is counted, and after a while it is tried again. A regular file knows no "would block": a slow disk
/// holds the loop up for as long as one write takes.
/// </remarks>
internal sealed partial class OutputLog : IDisposable
{
    private const int Mode = 0x1B6; // what the umask leaves of rw-rw-rw-, as with any file
    private const string NotRegular = "is not a regular file: for a pipe or a device use a chardev";

    private readonly PortSpec _port;
    private readonly PortCounters _counters;
    private readonly ILogger _log;
    private FileDescriptor? _file;
    private FileIdentity? _identity;
    private long _size;
    private long _lookAt;
    private long _lost;

    /// <summary><see cref="Start"/> comes first.</summary>
    public OutputLog(PortSpec port, LogFileSpec spec, PortCounters counters, ILogger log)
    {
        _port = port;
        Spec = spec;
        _counters = counters;
        _log = log;
    }

    /// <summary>Between two attempts after a failure, and between two looks whether the path still leads to the file.</summary>
    public TimeSpan Pause { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>Size and number may change meanwhile; another path is another log.</summary>
    public LogFileSpec Spec { get; set; }

    private long PauseTicks => (long)(Pause.TotalSeconds * Stopwatch.Frequency);

    /// <summary>Opens the file.</summary>
    /// <exception cref="HostEndException">It cannot be written.</exception>
    public void Start()
    {
        if (TryOpen(Spec.Append) is string reason)
        {
            throw new HostEndException($"logfile={Spec.Path}: {reason}");
        }
    }

    /// <summary>Keeps the first bytes of these pieces.</summary>
    /// <param name="source">Pieces of guest memory.</param>
    /// <param name="count">Bytes of them.</param>
    public void Write(ReadOnlySpan<IoVector> source, long count)
    {
        long written = IsUsable() ? Append(source, count) : 0;
        if (written < count)
        {
            _lost += count - written;
            _counters.UnloggedBytes += count - written;
        }
        else if (_lost > 0)
        {
            LogRecovered(_port, Spec.Path, _lost);
            _lost = 0;
        }
    }

    public void Dispose() => _file?.Dispose();

    /// <summary>The file is open, and is still the one people find by its path.</summary>
    private bool IsUsable()
    {
        long now = Stopwatch.GetTimestamp();
        if (now < _lookAt)
        {
            return _file is not null;
        }

        // Deleted, or renamed by whoever rotates logs: a new one is begun.
        _lookAt = now + PauseTicks;
        if (_file is null || !IsInPlace())
        {
            return TryOpen(append: true) is not string reason || Fail(reason);
        }

        return true;
    }

    private bool IsInPlace()
    {
        _ = FileDescriptor.Open(Spec.Path, OpenFlags.PathOnly, 0, out FileDescriptor? found);
        using (found)
        {
            return found?.Identity() == _identity;
        }
    }

    private long Append(ReadOnlySpan<IoVector> source, long count)
    {
        Span<IoVector> pieces = stackalloc IoVector[Math.Min(source.Length, IoVector.MaxCount)];
        long written = 0;
        while (written < count)
        {
            long room = Spec.RotateBytes is long limit ? limit - _size : long.MaxValue;
            if (room <= 0)
            {
                if (Rotate() is string failure)
                {
                    _ = Fail(failure);
                    break;
                }

                continue;
            }

            int used = IoVector.Slice(source, written, Math.Min(room, count - written), pieces);
            PosixResult result = _file!.Write(pieces[..used]);
            if (result.Value <= 0)
            {
                _ = Fail(result.Message);
                break;
            }

            written += result.Value;
            _size += result.Value;
        }

        return written;
    }

    /// <summary>Opens the file. Returns what is wrong, or null.</summary>
    private string? TryOpen(bool append)
    {
        Close();
        PosixResult result = FileDescriptor.Open(
            Spec.Path,
            OpenFlags.WriteOnly | OpenFlags.Create | OpenFlags.Append | OpenFlags.NonBlocking | OpenFlags.NoControllingTerminal,
            Mode,
            out FileDescriptor? file);
        if (!result.IsSuccess)
        {
            return result.Error switch
            {
                Errno.NotFound => "cannot be opened: create its folder first",
                Errno.IsDirectory => "is a folder: name a file in it",
                Errno.AccessDenied => "cannot be opened: choose a file you may write to",
                Errno.NoSuchDeviceOrAddress => NotRegular,
                _ => $"cannot be opened: {result.Message}",
            };
        }

        if (file!.Kind() != FileKind.Regular)
        {
            file.Dispose();
            return NotRegular;
        }

        if (!append)
        {
            _ = file.SetLength(0);
        }

        _file = file;
        _identity = file.Identity();
        _size = file.Length().Value;
        _lookAt = Stopwatch.GetTimestamp() + PauseTicks;
        return null;
    }

    /// <summary>Gives the full file the first number, and those before it the next. Returns what is wrong, or null.</summary>
    private string? Rotate()
    {
        PosixResult result = default;
        if (Spec.Keep == 0)
        {
            result = _file!.SetLength(0);
            _size = 0;
            return result.IsSuccess ? null : result.Message;
        }

        for (int number = Spec.Keep; number > 0 && (result.IsSuccess || result.Error == Errno.NotFound); number--)
        {
            result = FileDescriptor.Rename(number == 1 ? Spec.Path : $"{Spec.Path}.{number - 1}", $"{Spec.Path}.{number}");
        }

        return result.IsSuccess || result.Error == Errno.NotFound ? TryOpen(append: true) : $"cannot be rotated: {result.Message}";
    }

    /// <summary>Gives the file up for a while. Tells once, until it has been written again.</summary>
    private bool Fail(string reason)
    {
        Close();
        _lookAt = Stopwatch.GetTimestamp() + PauseTicks;
        if (_lost == 0)
        {
            LogFailed(_port, Spec.Path, reason, Pause.TotalSeconds);
        }

        return false;
    }

    private void Close()
    {
        _file?.Dispose();
        _file = null;
    }
    [LoggerMessage(82, LogLevel.Warning, "{Port}: logfile={Path}: {Reason}; the port goes on without it, and it is tried again every {Seconds} s")]
    private partial void LogFailed(PortSpec port, string path, string reason, double seconds);

    [LoggerMessage(83, LogLevel.Information, "{Port}: logfile={Path} is written again; {Bytes} bytes are missing in it")]
    private partial void LogRecovered(PortSpec port, string path, long bytes);
}
