using System.Diagnostics.CodeAnalysis;
using VmChannel.Device.UsbIp;
using VmChannel.Device.UsbRedir;

namespace VmChannel.Cli.Serve;

/// <summary>Where a VM's USB adapters are fetched from.</summary>
/// <param name="Single">One place, for one adapter at a time; or else <paramref name="Folder"/>.</param>
/// <param name="Folder">A folder with a socket for each adapter, named by its protocol.</param>
internal sealed record UsbPlan(UsbRedirEndpoint? Single, string? Folder)
{
    /// <summary>A place where USB/IP clients import any of them, instead of either.</summary>
    public UsbIpEndpoint? UsbIp { get; init; }

    /// <summary>Where the adapter of a protocol is fetched from.</summary>
    /// <param name="protocol">The channel's name.</param>
    /// <param name="endpoint">The place.</param>
    /// <param name="reason">Why there is none: the rest of a sentence that begins with the place.</param>
    public bool TryFind(string protocol, [NotNullWhen(true)] out UsbRedirEndpoint? endpoint, [NotNullWhen(false)] out string? reason)
    {
        endpoint = Single;
        reason = null;
        return endpoint is not null || UsbRedirEndpoint.TryParse(PathOf(protocol), connects: false, out endpoint, out reason);
    }

    /// <summary>Path of a protocol's socket in the folder.</summary>
    public string PathOf(string protocol) => Path.Combine(Folder!, $"{protocol}.sock");

    public override string ToString() => Single?.ToString() ?? UsbIp?.ToString() ?? Folder!;
}
