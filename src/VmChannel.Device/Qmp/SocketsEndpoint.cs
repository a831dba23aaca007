using VmChannel.Native;

namespace VmChannel.Device.Qmp;

/// <summary>Ports of a VMM's own that are met at sockets somebody else named, one for each.</summary>
/// <param name="Sockets">By the ports' protocols.</param>
public sealed record SocketsEndpoint(IReadOnlyList<PortSocket> Sockets) : VmEndpoint
{
    public bool Equals(SocketsEndpoint? other) => other is not null && Sockets.SequenceEqual(other.Sockets);

    public override int GetHashCode() => Sockets.Count;

    public override string ToString() => string.Join(' ', Sockets);
}

/// <summary>The socket behind one port.</summary>
/// <param name="Protocol">The port's name.</param>
/// <param name="Address">Where it is.</param>
/// <param name="Listens">This side listens, and the VMM connects; otherwise the other way round.</param>
public sealed record PortSocket(string Protocol, UnixAddress Address, bool Listens)
{
    public override string ToString() => $"{Protocol}=unix:{Address}{(Listens ? ",server" : "")}";
}
