namespace VmChannel.Wire.VdAgent;

/// <summary>Kind of agent message (wire field <c>type</c>).</summary>
/// <remarks>spice-protocol <c>vd_agent.h</c>. A peer may send any value: cast and switch, with a default arm.</remarks>
public enum MessageType : uint
{
    /// <summary>To the guest: pointer position and buttons. VD_AGENT_MOUSE_STATE.</summary>
    MouseState = 1,

    /// <summary>To the guest: wanted monitor layout. VD_AGENT_MONITORS_CONFIG.</summary>
    MonitorsConfig = 2,

    /// <summary>From the guest: outcome of an earlier message. VD_AGENT_REPLY.</summary>
    Reply = 3,

    /// <summary>Both ways: clipboard data, the answer to a request. VD_AGENT_CLIPBOARD.</summary>
    ClipboardData = 4,

    /// <summary>To the guest: desktop effects to switch off. VD_AGENT_DISPLAY_CONFIG.</summary>
    DisplayConfig = 5,

    /// <summary>Both ways: what the sender can do, perhaps asking the same back. VD_AGENT_ANNOUNCE_CAPABILITIES.</summary>
    AnnounceCapabilities = 6,

    /// <summary>Both ways: something was copied at the sender's side; nothing is transferred yet. VD_AGENT_CLIPBOARD_GRAB.</summary>
    ClipboardGrab = 7,

    /// <summary>Both ways: asks the owner for the data. VD_AGENT_CLIPBOARD_REQUEST.</summary>
    ClipboardRequest = 8,

    /// <summary>Both ways: the sender no longer owns the clipboard. VD_AGENT_CLIPBOARD_RELEASE.</summary>
    ClipboardRelease = 9,

    /// <summary>To the guest: a file begins. VD_AGENT_FILE_XFER_START.</summary>
    FileTransferStart = 10,

    /// <summary>Both ways: how a file transfer goes. VD_AGENT_FILE_XFER_STATUS.</summary>
    FileTransferStatus = 11,

    /// <summary>To the guest: a piece of a file. VD_AGENT_FILE_XFER_DATA.</summary>
    FileTransferData = 12,

    /// <summary>To the guest: nobody uses the desktop any more. VD_AGENT_CLIENT_DISCONNECTED.</summary>
    ClientDisconnected = 13,

    /// <summary>To the guest: the most clipboard bytes we take. VD_AGENT_MAX_CLIPBOARD.</summary>
    MaxClipboard = 14,

    /// <summary>To the guest: volume of the desktop's user. VD_AGENT_AUDIO_VOLUME_SYNC.</summary>
    AudioVolumeSync = 15,

    /// <summary>To the guest: which device shows which monitor. VD_AGENT_GRAPHICS_DEVICE_INFO.</summary>
    GraphicsDeviceInfo = 16,
}
