using VmChannel.Mux;

namespace VmChannel.Control;

/// <summary>HTTP from a program on the host to one in a guest, over a channel and without a network.</summary>
public static class VmChannelHttp
{
    /// <summary>A handler for <see cref="HttpClient"/> that reaches the server on a guest's channel (there, <c>UseVmChannel</c>).</summary>
    /// <param name="vm">The VM's name, as in <c>vmchannel vms</c>.</param>
    /// <param name="name">The channel's name or number; the end of a name is enough when no other ends so.</param>
    /// <param name="configure">Changes more, such as how many connections there may be.</param>
    /// <remarks>
    /// Nothing is opened before the first request. The handler has the channel to itself until it is disposed, and connects
    /// again when the guest's program was restarted; a request that is under way then fails. See <see cref="MuxHttp"/> for what goes over it.
    /// Requests fail with <see cref="HttpRequestException"/> whose inner exception says what is the matter.
    /// </remarks>
    public static HttpMessageHandler CreateHandler(string vm, string name, Action<SocketsHttpHandler>? configure = null)
        => MuxHttp.CreateHandler(cancellationToken => VmPort.OpenAsync(vm, name, cancellationToken), configure: configure);

    /// <param name="client">Talks to the server that has the VM; stays the caller's.</param>
    /// <param name="vm">The VM's name.</param>
    /// <param name="name">The channel's name or number.</param>
    /// <param name="configure">Changes more, such as how many connections there may be.</param>
    /// <inheritdoc cref="CreateHandler(string, string, Action{SocketsHttpHandler}?)"/>
    public static HttpMessageHandler CreateHandler(ControlClient client, string vm, string name, Action<SocketsHttpHandler>? configure = null)
        => MuxHttp.CreateHandler(cancellationToken => VmPort.OpenAsync(client, vm, name, cancellationToken), configure: configure);
}
