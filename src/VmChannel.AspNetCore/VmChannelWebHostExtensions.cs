using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using VmChannel.Guest;
using VmChannel.Mux;

namespace VmChannel.AspNetCore;

/// <summary>Has Kestrel listen on a channel.</summary>
public static class VmChannelWebHostExtensions
{
    /// <summary>In a guest: serves HTTP/1.1 and HTTP/2 on one of its channels, which the host reaches by the same name.</summary>
    /// <param name="builder">The host of the application, such as <c>builder.WebHost</c>.</param>
    /// <param name="name">The channel's name, such as <c>com.example.api</c>. It may be plugged in later.</param>
    /// <param name="options">Limits of the streams; null = the usual ones.</param>
    /// <remarks>
    /// Each stream that the host opens is a connection. Other endpoints can be added beside it; without any, nothing else is
    /// listened on. The server goes on when the host's end, or the channel, goes and comes.
    /// </remarks>
    public static IWebHostBuilder UseVmChannel(this IWebHostBuilder builder, string name, MuxOptions? options = null)
        => builder.UseVmChannel(name, async cancellationToken => await VmChannels.OpenAsync(name, Timeout.InfiniteTimeSpan, cancellationToken), options);

    /// <summary>Serves HTTP/1.1 and HTTP/2 on channels that are opened in any way: on the host, a guest's.</summary>
    /// <param name="builder">The host of the application, such as <c>builder.WebHost</c>.</param>
    /// <param name="name">What the endpoint is called in the log.</param>
    /// <param name="open">Opens the channel at this end; called again after it broke.</param>
    /// <param name="options">Limits of the streams; null = the usual ones.</param>
    public static IWebHostBuilder UseVmChannel(
        this IWebHostBuilder builder, string name, Func<CancellationToken, ValueTask<Stream>> open, MuxOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(builder);
        ArgumentException.ThrowIfNullOrEmpty(name);
        ArgumentNullException.ThrowIfNull(open);
        VmChannelSource source = new(name, open, options);
        return builder
            .ConfigureServices(services => services.TryAddEnumerable(ServiceDescriptor.Singleton<IConnectionListenerFactory, VmChannelTransport>()))
            .ConfigureKestrel(kestrel =>
            {
                // Without TLS nothing is negotiated, and Kestrel takes one protocol per endpoint: streams are told apart by their first bytes.
                kestrel.Listen(new VmChannelEndPoint(source, HttpProtocols.Http1), listen => listen.Protocols = HttpProtocols.Http1);
                kestrel.Listen(new VmChannelEndPoint(source, HttpProtocols.Http2), listen => listen.Protocols = HttpProtocols.Http2);
            });
    }
}
