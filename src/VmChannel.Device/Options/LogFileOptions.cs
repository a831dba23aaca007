using System.Globalization;
using VmChannel.Device.Chardevs;
using VmChannel.Device.Ports;

namespace VmChannel.Device.Options;

/// <summary>Reads where a port's output is kept: <c>logfile=</c>, <c>logappend=</c>, <c>logsize=</c>, <c>logkeep=</c>.</summary>
/// <param name="before">What holds for the keys that are not given; null = no file.</param>
internal sealed class LogFileOptions(LogFileSpec? before)
{
    private readonly bool _isThereNow = before is not null;
    private string? _path = before?.Path;
    private bool? _append = before?.Append;
    private long? _rotateBytes = before?.RotateBytes;
    private int? _keep = before?.Keep;

    public static IReadOnlyList<string> Keys { get; } = ["logfile", "logappend", "logsize", "logkeep"];

    /// <summary>Keys that may stand alone and then mean on.</summary>
    public static IReadOnlyList<string> Switches { get; } = ["logappend"];

    /// <summary>Takes one of the keys. Returns what is wrong, or null.</summary>
    public string? Take(string key, OptionWord word)
    {
        switch (key)
        {
            case "logfile":
                return TakePath(word.Value);
            case "logappend":
                _append = word.Switch;
                return _append is null ? $"{word}: say on or off" : null;
            case "logsize":
                bool isSize = ByteSize.TryParse(word.Value, out long size) && (size == 0 || size >= LogFileSpec.LeastRotateBytes);
                _rotateBytes = size == 0 ? null : size;
                return isSize ? null : $"{word}: a size from {ByteSize.Format(LogFileSpec.LeastRotateBytes)} on is needed, such as 10M, or 0 for no limit";
            default:
                bool isCount = int.TryParse(word.Value, NumberStyles.None, CultureInfo.InvariantCulture, out int keep) && keep <= LogFileSpec.MostKeep;
                _keep = keep;
                return isCount ? null : $"{word}: a number from 0 to {LogFileSpec.MostKeep} is needed";
        }
    }

    /// <summary>The file, if there is to be one, or what is wrong with it.</summary>
    public LogFileSpec? Build(out string? error)
    {
        error = _path is not null
            ? null
            : _append is not null ? "logappend= goes with logfile=: add logfile=PATH"
            : _rotateBytes is not null ? "logsize= goes with logfile=: add logfile=PATH"
            : _keep is not null ? "logkeep= goes with logfile=: add logfile=PATH"
            : null;
        if (_path is not null && _rotateBytes is null && _keep is not (null or LogFileSpec.DefaultKeep))
        {
            error = "logkeep= goes with logsize=: add logsize=SIZE";
        }

        return _path is null ? null : new(_path, _append ?? false, _rotateBytes, _keep ?? LogFileSpec.DefaultKeep);
    }

    /// <summary>No path ends the log; it makes sense where there is one.</summary>
    private string? TakePath(string path)
    {
        if (path.Length > 0)
        {
            _path = path;
            return null;
        }

        (_path, _append, _rotateBytes, _keep) = (null, null, null, null);
        return _isThereNow ? null : "logfile is empty: write logfile=PATH";
    }
}
