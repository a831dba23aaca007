namespace VmChannel.Control.Agent;

/// <summary>How a <see cref="GuestAgent"/> is talked to.</summary>
public sealed record GuestAgentOptions
{
    /// <summary>The port's name, number, or the end of its name.</summary>
    public string Port { get; init; } = GuestAgent.PortName;

    /// <summary>How long an answer may take, and an agent that is not running yet to start.</summary>
    public TimeSpan Timeout { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>How long freezing and thawing may take: dirty data is written, and hooks of the guest run.</summary>
    public TimeSpan FreezeTimeout { get; init; } = TimeSpan.FromMinutes(2);

    /// <summary>
    /// Talks beside another client that has the port, instead of waiting for it to leave. Commands then carry an id (agents since QEMU 4.0 give it
    /// back), so answers to others are skipped; the others see the answers to this one.
    /// </summary>
    public bool IsBeside { get; init; }
}
