using VmChannel.Native;

namespace VmChannel.Cli.Run;

/// <summary>The device a throw-away guest runs with, its own or a served VM's, and the ports on it that carry the run. Disposing takes those away.</summary>
internal interface IRunDevice : IAsyncDisposable
{
    /// <summary>Where the monitor connects: the device's socket, or the folder with a socket for each adapter.</summary>
    string Socket { get; }

    /// <summary>Sockets of the USB adapters that the guest is to have; empty when it has a virtio-serial device.</summary>
    IReadOnlyList<string> Adapters { get; }

    /// <summary>Ports the device has room for, the console's included.</summary>
    int MaxPorts { get; }

    /// <summary>Channels that the guest has before the command starts.</summary>
    IReadOnlyList<string> Channels { get; }

    /// <summary>The conversation with the guest's init.</summary>
    RunControl Control { get; }

    /// <summary>The host's terminal has this size now.</summary>
    void Resize(TerminalSize size);

    /// <summary>Completes when what the command wrote has left this process, or nobody takes it any more.</summary>
    /// <param name="patience">For the user's channels: what they still hold then goes with the guest.</param>
    /// <param name="cancellationToken">Ends the waiting.</param>
    Task DrainAsync(TimeSpan patience, CancellationToken cancellationToken);

    /// <summary>Completes when the command wrote output that nobody takes, because the reader has left.</summary>
    Task OutputLostAsync(CancellationToken cancellationToken);
}
