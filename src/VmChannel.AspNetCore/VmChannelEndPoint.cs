using System.Net;
using Microsoft.AspNetCore.Server.Kestrel.Core;

namespace VmChannel.AspNetCore;

/// <summary>One protocol on a channel.</summary>
public sealed class VmChannelEndPoint : EndPoint
{
    internal VmChannelEndPoint(VmChannelSource source, HttpProtocols protocol)
    {
        Source = source;
        Protocol = protocol;
    }

    /// <summary>The channel's name.</summary>
    public string Name => Source.Name;

    /// <summary>HTTP/1.1 or HTTP/2.</summary>
    public HttpProtocols Protocol { get; }

    internal VmChannelSource Source { get; }

    /// <summary>As in the log: Kestrel says that it listens on this.</summary>
    public override string ToString() => $"vmchannel:{Name} ({(Protocol == HttpProtocols.Http2 ? "HTTP/2" : "HTTP/1.1")})";
}
