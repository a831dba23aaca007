namespace VmChannel.Device.Ports;

/// <summary>What clients on the host may do with a port (<c>readonly</c>, <c>writeonly</c>).</summary>
public enum PortAccess
{
    ReadWrite,

    /// <summary>They see what the guest writes; what they send is read, dropped and counted.</summary>
    ReadOnly,

    /// <summary>They send to the guest; what the guest writes is taken, dropped and counted.</summary>
    WriteOnly,
}
