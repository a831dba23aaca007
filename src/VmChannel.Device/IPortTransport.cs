using VmChannel.Device.Ports;
using VmChannel.Device.VirtioSerial;
using VmChannel.Native;

namespace VmChannel.Device;

/// <summary>Carries the ports of one VM between its guest and this process. Loop thread only, but for what is published.</summary>
/// <remarks>The caller owns the ports: it plugs, unplugs and disposes them.</remarks>
public interface IPortTransport : IDisposable
{
    /// <summary>The device now, without its ports. Any thread.</summary>
    DeviceState State { get; }

    /// <summary>A VMM is there.</summary>
    bool IsConnected { get; }

    /// <summary>Called when the VMM has gone and cannot come back.</summary>
    Action? Finished { get; set; }

    /// <summary>Takes the place where the VMM is met, so that a second server fails before it touches anything.</summary>
    /// <exception cref="IOException">It is taken; the message says what to do.</exception>
    void Reserve();

    /// <summary>Begins to serve the VMM.</summary>
    /// <exception cref="IOException">It cannot; the message says what to do.</exception>
    void Start();

    /// <summary>Plugs a port in; the guest sees it at once if it is there.</summary>
    /// <returns>Done when the VMM has it, or at once when none is there. It fails with a <see cref="PlugException"/> when the VMM refuses.</returns>
    /// <exception cref="PlugException">The transport cannot carry it.</exception>
    Task Plug(Port port);

    /// <summary>Takes a port out, also while it is open. Null when there is none.</summary>
    Port? Unplug(int number);

    /// <summary>The port is closed in the guest, and what was written to it has been delivered.</summary>
    bool IsFinished(int number);

    /// <summary>What was written to the port has been delivered, as far as it is known here.</summary>
    bool IsDelivered(int number);

    /// <summary>The host's terminal has this size.</summary>
    void Resize(TerminalSize size);

    /// <summary>Any thread but the loop's: takes leave of the VMM. The ports still work.</summary>
    Task StopAsync();

    /// <summary>Nothing is moved any more; the caller disposes the ports next, then this.</summary>
    void Close();
}
