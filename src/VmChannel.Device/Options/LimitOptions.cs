using VmChannel.Device.Chardevs;
using VmChannel.Device.Ports;

namespace VmChannel.Device.Options;

/// <summary>Reads a port's limits and access: <c>rate=</c>, <c>buffer=</c>, <c>history=</c>, <c>readonly</c>, <c>writeonly</c>.</summary>
/// <param name="before">What holds for the keys that are not given.</param>
internal sealed class LimitOptions(PortLimits before)
{
    private const long MostBytesPerSecond = 1L << 40;

    private PortLimits _limits = before;
    private bool? _isReadOnly;
    private bool? _isWriteOnly;

    public static IReadOnlyList<string> Keys { get; } = ["rate", "buffer", "history", "readonly", "writeonly"];

    /// <summary>Keys that may stand alone and then mean on.</summary>
    public static IReadOnlyList<string> Switches { get; } = ["readonly", "writeonly"];

    /// <summary>Takes one of the keys. Returns what is wrong, or null.</summary>
    public string? Take(string key, OptionWord word)
    {
        switch (key)
        {
            case "rate":
                return TakeRate(word);
            case "buffer":
                string? wrong = TakeSize(word, PortLimits.LeastBufferBytes, PortLimits.MostBufferBytes, out int buffer);
                _limits = _limits with { BufferBytes = buffer };
                return wrong;
            case "history":
                wrong = TakeSize(word, 0, PortLimits.MostHistoryBytes, out int history);
                _limits = _limits with { HistoryBytes = history };
                return wrong;
            case "readonly":
                return TakeSwitch(word, out _isReadOnly);
            default:
                return TakeSwitch(word, out _isWriteOnly);
        }
    }

    /// <summary>What holds from now on, or what is wrong with it.</summary>
    public PortLimits Build(out string? error)
    {
        error = _isReadOnly == true && _isWriteOnly == true ? "readonly and writeonly exclude each other: give one" : null;
        bool isReadOnly = _isReadOnly ?? (_limits.Access == PortAccess.ReadOnly && _isWriteOnly != true);
        bool isWriteOnly = _isWriteOnly ?? (_limits.Access == PortAccess.WriteOnly && _isReadOnly != true);
        return _limits with { Access = isReadOnly ? PortAccess.ReadOnly : isWriteOnly ? PortAccess.WriteOnly : PortAccess.ReadWrite };
    }

    private static string? TakeSwitch(OptionWord word, out bool? isOn)
    {
        isOn = word.Switch;
        return isOn is null ? $"{word}: say on or off" : null;
    }

    private static string? TakeSize(OptionWord word, int least, int most, out int bytes)
    {
        bool isSize = ByteSize.TryParse(word.Value, out long size) && size >= least && size <= most;
        bytes = isSize ? (int)size : least;
        return isSize ? null : $"{word}: a size from {ByteSize.Format(least)} to {ByteSize.Format(most)} is needed, such as 64K";
    }

    private string? TakeRate(OptionWord word)
    {
        string text = word.Value.EndsWith("/s", StringComparison.Ordinal) ? word.Value[..^2] : word.Value;
        if (!ByteSize.TryParse(text, out long rate) || rate > MostBytesPerSecond)
        {
            return $"{word}: bytes per second are needed, such as 64K or 1M, or 0 for no limit";
        }

        _limits = _limits with { BytesPerSecond = rate == 0 ? null : rate };
        return null;
    }
}
