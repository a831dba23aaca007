using VmChannel.Native;

namespace VmChannel.Bench.Alone;

/// <summary>Unix sockets in a scenario's folder.</summary>
internal static class Sockets
{
    public static UnixAddress Address(string folder, string name)
        => UnixAddress.TryCreate(Path.Combine(folder, name), isAbstract: false, isTight: true, out UnixAddress? address, out string? reason)
            ? address
            : throw new BenchException($"{folder}/{name} {reason}");
}
