using VmChannel.Native;
using VmChannel.Wire.Capture;

namespace VmChannel.Device.Channels;

/// <summary>Sees what goes through a channel, without any influence on it. Loop thread only.</summary>
public interface ITap
{
    /// <summary>Bytes were moved: taken from the guest (or dropped for want of anybody), or given to it. Never blocks.</summary>
    /// <param name="direction">Which way.</param>
    /// <param name="pieces">Guest memory that has them, and perhaps more behind them.</param>
    /// <param name="count">How many bytes.</param>
    void OnMoved(CaptureDirection direction, ReadOnlySpan<IoVector> pieces, long count);

    /// <summary>The channel ends, or the tap was removed.</summary>
    void OnEnd();
}
