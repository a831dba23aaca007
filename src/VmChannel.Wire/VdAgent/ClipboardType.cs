namespace VmChannel.Wire.VdAgent;

/// <summary>Form of clipboard data.</summary>
/// <remarks>spice-protocol <c>vd_agent.h</c>, VD_AGENT_CLIPBOARD_*. A peer may send any value.</remarks>
public enum ClipboardType : uint
{
    /// <summary>No data: the answer when there is none.</summary>
    None = 0,
    Utf8Text = 1,
    Png = 2,
    Bmp = 3,
    Tiff = 4,
    Jpeg = 5,
    FileList = 6,
}
