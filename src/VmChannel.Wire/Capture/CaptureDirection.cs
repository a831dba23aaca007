namespace VmChannel.Wire.Capture;

/// <summary>Which way bytes of a channel went (wire field <c>direction</c>).</summary>
public enum CaptureDirection : byte
{
    /// <summary>The guest wrote them.</summary>
    FromGuest = 0,

    /// <summary>The guest was given them.</summary>
    ToGuest = 1,
}
