namespace VmChannel.Device;

/// <summary>Where a VM is met, and by which transport: <c>VhostUserEndpoint</c>, <c>QmpEndpoint</c>, <c>SocketsEndpoint</c>.</summary>
public abstract record VmEndpoint;
