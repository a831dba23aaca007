namespace VmChannel.Wire.VhostUser;

/// <summary>Requests of a front-end.</summary>
/// <remarks>vhost-user specification, "Front-end message types". A peer may send any value.</remarks>
public enum VhostUserRequest : uint
{
    None = 0,
    GetFeatures = 1,
    SetFeatures = 2,
    SetOwner = 3,

    /// <summary>Deprecated; disables all rings in some front-ends and nothing in others.</summary>
    ResetOwner = 4,
    SetMemTable = 5,
    SetLogBase = 6,
    SetLogFd = 7,
    SetVringNum = 8,
    SetVringAddr = 9,
    SetVringBase = 10,
    GetVringBase = 11,
    SetVringKick = 12,
    SetVringCall = 13,
    SetVringErr = 14,
    GetProtocolFeatures = 15,
    SetProtocolFeatures = 16,
    GetQueueNum = 17,
    SetVringEnable = 18,
    SetBackendReqFd = 21,
    GetConfig = 24,
    SetConfig = 25,
    ResetDevice = 34,

    /// <summary>A kick as a message, with INBAND_NOTIFICATIONS.</summary>
    VringKick = 35,
    GetMaxMemSlots = 36,
    AddMemReg = 37,
    RemMemReg = 38,
    SetStatus = 39,
    GetStatus = 40,
}

/// <summary>Requests of a back-end, on the channel that SET_BACKEND_REQ_FD brought.</summary>
/// <remarks>vhost-user specification, "Back-end message types".</remarks>
public enum BackendRequest : uint
{
    None = 0,

    /// <summary>VHOST_USER_BACKEND_CONFIG_CHANGE_MSG: the driver should read the configuration space again.</summary>
    ConfigChange = 2,

    /// <summary>VHOST_USER_BACKEND_VRING_CALL: a ring was used, where the front-end gave no descriptor to signal.</summary>
    VringCall = 4,
}

/// <summary>Protocol features, as masks.</summary>
/// <remarks>vhost-user specification, "Protocol features".</remarks>
[Flags]
public enum ProtocolFeatures : ulong
{
    None = 0,
    MultiQueue = 1UL << 0,
    ReplyAck = 1UL << 3,
    BackendRequests = 1UL << 5,
    Config = 1UL << 9,
    ResetDevice = 1UL << 13,
    InBandNotifications = 1UL << 14,
    ConfigureMemSlots = 1UL << 15,
    Status = 1UL << 16,
}
