namespace VmChannel.Mux;

/// <summary>HTTP over a mux: each connection is a stream of its own.</summary>
public static class MuxHttp
{
    /// <summary>A handler for <see cref="HttpClient"/> whose connections go to the mux at the other end of a channel.</summary>
    /// <param name="open">Opens the channel; called for the first request, and again after it broke.</param>
    /// <param name="options">Limits; null = the usual ones, and the other end may open no streams.</param>
    /// <param name="configure">Changes more, such as how many connections there may be.</param>
    /// <remarks>
    /// HTTP/1.1 and HTTP/2, WebSockets and gRPC go over it. There is no TLS, so URLs begin with <c>http://</c>; the host in them
    /// is not looked up. For HTTP/2 ask for version 2.0 exactly: without TLS nothing is negotiated. Disposing it ends the session.
    /// </remarks>
    public static HttpMessageHandler CreateHandler(
        Func<CancellationToken, ValueTask<Stream>> open, MuxOptions? options = null, Action<SocketsHttpHandler>? configure = null)
        => CreateHandler(new MuxLink(open, options ?? new MuxOptions { MaxStreams = 0 }), configure);

    /// <summary>A handler over a link that may have other uses, too. Disposing it ends the link.</summary>
    /// <inheritdoc cref="CreateHandler(Func{CancellationToken, ValueTask{Stream}}, MuxOptions?, Action{SocketsHttpHandler}?)"/>
    public static HttpMessageHandler CreateHandler(MuxLink link, Action<SocketsHttpHandler>? configure = null)
    {
        SocketsHttpHandler connections = new()
        {
            ConnectCallback = async (_, cancellationToken) => await link.OpenStreamAsync(cancellationToken),
            UseProxy = false,
        };
        configure?.Invoke(connections);
        return new MuxHttpHandler(link, connections);
    }

    private sealed class MuxHttpHandler(MuxLink link, SocketsHttpHandler connections) : DelegatingHandler(connections)
    {
        protected override void Dispose(bool disposing)
        {
            base.Dispose(disposing);
            if (disposing)
            {
                // Handlers are disposed synchronously; the session's goodbye is not awaited for long.
                link.DisposeAsync().AsTask().GetAwaiter().GetResult();
            }
        }
    }
}
