using VmChannel.Cli.Serve;
using VmChannel.Device.Options;

namespace VmChannel.Cli.Config;

/// <summary>What a configuration file asks for, checked as far as that goes without opening anything.</summary>
/// <param name="Control">Where the control API is met.</param>
/// <param name="Loops">How the server's loops work.</param>
/// <param name="Vms">In the order of the file.</param>
internal sealed record ServerConfig(ControlConfig Control, LoopPlan Loops, IReadOnlyList<VmConfig> Vms);

/// <summary>A file, and what it said when it was read first.</summary>
internal sealed record ConfigSource(string Path, ServerConfig Config);

/// <summary>The keys at the head of a file.</summary>
/// <param name="Socket">Path of the control socket, <c>none</c>, or null for the usual place.</param>
/// <param name="Tcp">Address of a TCP listener beside it.</param>
/// <param name="TokenFile">The bearer token of that listener.</param>
internal sealed record ControlConfig(string? Socket, string? Tcp, string? TokenFile)
{
    /// <summary>The line that names the token's file; 0 = none does. Another line makes no other configuration.</summary>
    public int TokenFileLine { get; init; }

    public bool Equals(ControlConfig? other) => other is not null && (Socket, Tcp, TokenFile) == (other.Socket, other.Tcp, other.TokenFile);

    public override int GetHashCode() => HashCode.Combine(Socket, Tcp, TokenFile);
}

/// <summary>One <c>[vm.NAME]</c>.</summary>
/// <param name="Origin"><c>FILE:LINE</c> of its header.</param>
/// <param name="Plan">What to serve.</param>
/// <param name="Ports">Its ports, as they were asked for.</param>
internal sealed record VmConfig(string Origin, VmPlan Plan, IReadOnlyList<PortConfig> Ports);

/// <summary>One port of a VM.</summary>
/// <param name="Request">As the file has it, perhaps without a number.</param>
/// <param name="Plan">With the number it gets when all ports of the file are plugged in together.</param>
internal sealed record PortConfig(PortRequest Request, PortPlan Plan)
{
    /// <summary>What a port is known by from one reading of the file to the next: its name, or that it is the console.</summary>
    public string Identity => Plan.Spec.IsConsole ? "" : Plan.Spec.Protocol!;
}
