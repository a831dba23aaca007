using System.Net;
using VmChannel.Control;

namespace VmChannel.Cli.Control;

/// <summary>Where a server's control API is to be, as it was asked for.</summary>
/// <param name="Place">On a unix socket, or not at all.</param>
/// <param name="Path">The socket's path, or the runtime folder; null = <see cref="ServerFolder.Default"/>.</param>
/// <param name="Tcp">A TCP address besides; null = none.</param>
/// <param name="Token">What clients over TCP have to show; there when <paramref name="Tcp"/> is.</param>
internal sealed record ControlPlan(ControlPlace Place = ControlPlace.RuntimeFolder, string? Path = null, IPEndPoint? Tcp = null, string? Token = null);

/// <summary>Where the unix socket is.</summary>
internal enum ControlPlace
{
    /// <summary>In the runtime folder, under the names of the VMs.</summary>
    RuntimeFolder,

    /// <summary>At a path of its own.</summary>
    Path,

    /// <summary>There is none.</summary>
    None,
}
