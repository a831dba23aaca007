namespace VmChannel.Control.Agent;

/// <summary>What a file of the guest is opened for.</summary>
public enum AgentFileAccess
{
    Read,

    /// <summary>Made if there is none, emptied otherwise.</summary>
    Write,

    /// <summary>Made if there is none; what is written goes to its end.</summary>
    Append,
}
