namespace VmChannel.Wire.VirtioConsole;

/// <summary>Which queue belongs to which port.</summary>
/// <remarks>VIRTIO 1.3 §5.3.2: port 0 has queues 0 and 1, control has 2 and 3, port n has 2n+2 and 2n+3.</remarks>
public static class PortQueues
{
    public const int ControlReceive = 2;
    public const int ControlTransmit = 3;

    /// <summary>Queues of a device with this many ports (port numbers 0 to <paramref name="maxPorts"/> - 1).</summary>
    public static int Count(int maxPorts) => (maxPorts + 1) * 2;

    /// <summary>Ports that fit into this many queues.</summary>
    public static int MaxPorts(int queues) => Math.Max(0, (queues / 2) - 1);

    /// <summary>The queue that carries bytes to the guest.</summary>
    public static int Receive(int port) => port == 0 ? 0 : (port * 2) + 2;

    /// <summary>The queue that carries bytes from the guest.</summary>
    public static int Transmit(int port) => Receive(port) + 1;

    /// <summary>The port a queue belongs to, or null for a control queue.</summary>
    public static int? Port(int queue) => queue switch
    {
        0 or 1 => 0,
        ControlReceive or ControlTransmit => null,
        _ => (queue / 2) - 1,
    };

    /// <summary>The queue carries bytes from the guest.</summary>
    public static bool IsTransmit(int queue) => (queue & 1) == 1;
}
