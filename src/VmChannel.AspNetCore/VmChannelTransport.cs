using System.Diagnostics.CodeAnalysis;
using System.Net;
using Microsoft.AspNetCore.Connections;
using Microsoft.Extensions.Logging;

namespace VmChannel.AspNetCore;

/// <summary>Kestrel's way to channels.</summary>
[SuppressMessage("Performance", "CA1812", Justification = "The service provider makes it.")]
internal sealed class VmChannelTransport(ILoggerFactory logs) : IConnectionListenerFactory, IConnectionListenerFactorySelector
{
    public bool CanBind(EndPoint endpoint) => endpoint is VmChannelEndPoint;

    public ValueTask<IConnectionListener> BindAsync(EndPoint endpoint, CancellationToken cancellationToken = default)
    {
        VmChannelEndPoint channel = (VmChannelEndPoint)endpoint;
        channel.Source.Start(logs.CreateLogger<VmChannelTransport>());
        return new(new VmChannelListener(channel));
    }
}
