namespace VmChannel.Device.Ports;

/// <summary>How much of the host one port may use, and who may write. May change while the port is in use.</summary>
public sealed record PortLimits
{
    public const int LeastBufferBytes = 4 * 1024;
    public const int MostBufferBytes = 64 * 1024 * 1024;
    public const int MostHistoryBytes = 16 * 1024 * 1024;

    /// <summary>A port without options.</summary>
    public static PortLimits Default { get; } = new();

    /// <summary>What may pass in one second, in each direction by itself (<c>rate=</c>); null = all.</summary>
    public long? BytesPerSecond { get; init; }

    /// <summary>What is kept for a console, and for each client that follows a channel without holding it (<c>buffer=</c>).</summary>
    public int BufferBytes { get; init; } = 256 * 1024;

    /// <summary>The guest's last bytes, which a late client gets first (<c>history=</c>).</summary>
    public int HistoryBytes { get; init; }

    public PortAccess Access { get; init; }
}
