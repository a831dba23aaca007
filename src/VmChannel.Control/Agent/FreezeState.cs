namespace VmChannel.Control.Agent;

/// <summary>Whether an agent has frozen the guest's file systems.</summary>
public enum FreezeState
{
    /// <summary>They are written as always.</summary>
    Thawed,

    /// <summary>Writers in the guest wait.</summary>
    Frozen,
}
