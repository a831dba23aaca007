namespace VmChannel.Control.Agent;

/// <summary>How a guest is to end.</summary>
public enum ShutdownMode
{
    PowerDown,
    Halt,
    Reboot,
}
