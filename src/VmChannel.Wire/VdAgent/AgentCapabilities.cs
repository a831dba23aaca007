namespace VmChannel.Wire.VdAgent;

/// <summary>What an agent or its peer can do: the first of the capability words, bit n is capability n.</summary>
/// <remarks>spice-protocol <c>vd_agent.h</c>, VD_AGENT_CAP_*. All 18 known bits fit one word; later words are read past.</remarks>
[Flags]
public enum AgentCapabilities : uint
{
    None = 0,
    MouseState = 1u << 0,
    MonitorsConfig = 1u << 1,
    Reply = 1u << 2,

    /// <summary>Old way: data is pushed without a request. VD_AGENT_CAP_CLIPBOARD.</summary>
    Clipboard = 1u << 3,
    DisplayConfig = 1u << 4,

    /// <summary>Grab, request, data, release. VD_AGENT_CAP_CLIPBOARD_BY_DEMAND.</summary>
    ClipboardByDemand = 1u << 5,

    /// <summary>Clipboard messages begin with a selection. VD_AGENT_CAP_CLIPBOARD_SELECTION.</summary>
    ClipboardSelection = 1u << 6,
    SparseMonitorsConfig = 1u << 7,

    /// <summary>The guest ends lines with LF. VD_AGENT_CAP_GUEST_LINEEND_LF.</summary>
    GuestLineEndLf = 1u << 8,

    /// <summary>The guest ends lines with CR LF. VD_AGENT_CAP_GUEST_LINEEND_CRLF.</summary>
    GuestLineEndCrLf = 1u << 9,

    /// <summary>Understands <see cref="MessageType.MaxClipboard"/>. VD_AGENT_CAP_MAX_CLIPBOARD.</summary>
    MaxClipboard = 1u << 10,
    AudioVolumeSync = 1u << 11,
    MonitorsConfigPosition = 1u << 12,
    FileTransferDisabled = 1u << 13,
    FileTransferDetailedErrors = 1u << 14,
    GraphicsDeviceInfo = 1u << 15,

    /// <summary>A second grab of the same owner needs no release before it. VD_AGENT_CAP_CLIPBOARD_NO_RELEASE_ON_REGRAB.</summary>
    ClipboardNoReleaseOnRegrab = 1u << 16,

    /// <summary>Grabs carry a serial, so that both sides agree who copied last. VD_AGENT_CAP_CLIPBOARD_GRAB_SERIAL.</summary>
    ClipboardGrabSerial = 1u << 17,
}
