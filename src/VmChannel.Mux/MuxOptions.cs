namespace VmChannel.Mux;

/// <summary>How a session is limited. Each end has its own.</summary>
public sealed record MuxOptions
{
    /// <summary>The smallest window: a frame's worth.</summary>
    public const int MinWindowBytes = 16 * 1024;

    /// <summary>The largest window.</summary>
    public const int MaxWindowBytes = 16 * 1024 * 1024;

    /// <summary>What <see cref="WindowBytes"/> is by default: yamux's.</summary>
    public const int DefaultWindowBytes = 256 * 1024;

    /// <summary>What <see cref="MaxStreams"/> is by default.</summary>
    public const int DefaultMaxStreams = 1024;

    /// <summary>Streams that the other end may have open here at once; more are refused. 0 = it may open none.</summary>
    public int MaxStreams { get; init; } = DefaultMaxStreams;

    /// <summary>
    /// Bytes of one stream that the other end may send before they were read here, from <see cref="MinWindowBytes"/> to
    /// <see cref="MaxWindowBytes"/>. All memory a hostile peer can claim is this times <see cref="MaxStreams"/>; and so
    /// many bytes of a bulk stream can be on the way before a small message of another.
    /// </summary>
    public int WindowBytes { get; init; } = DefaultWindowBytes;

    /// <summary>How long an unanswered hello waits before it is sent again.</summary>
    internal TimeSpan HelloInterval { get; init; } = TimeSpan.FromMilliseconds(250);

    internal void Validate()
    {
        ArgumentOutOfRangeException.ThrowIfNegative(MaxStreams);
        ArgumentOutOfRangeException.ThrowIfLessThan(WindowBytes, MinWindowBytes);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(WindowBytes, MaxWindowBytes);
    }
}
