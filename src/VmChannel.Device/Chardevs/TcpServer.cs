using System.Net;
using System.Net.Sockets;
using Microsoft.Extensions.Logging;
using VmChannel.Device.Channels;
using VmChannel.Device.Loop;
using VmChannel.Native;

namespace VmChannel.Device.Chardevs;

/// <summary><c>tcp:HOST:PORT,server</c>: a TCP port that a program connects to.</summary>
public sealed class TcpServer(DeviceLoop loop, TcpAddress address, bool noDelay, bool waitsForClient, ILogger log)
    : SocketServer(loop, waitsForClient, log)
{
    private string _description = $"tcp:{address}";

    public override string Description => _description;

    protected override bool EndOfInputCloses => true;

    /// <summary>Where it listens, when it does: with port 0 the system chose.</summary>
    public IPEndPoint? LocalAddress { get; private set; }

    protected override FileDescriptor Listen()
    {
        IPAddress host = Resolve();
        PosixResult result = Listen(host, out FileDescriptor? listener);
        if (!result.IsSuccess && address.Host.Length == 0 && address.UseIpv4 && host.AddressFamily == AddressFamily.InterNetworkV6)
        {
            // A kernel without IPv6.
            result = Listen(IPAddress.Any, out listener);
        }

        if (!result.IsSuccess)
        {
            throw new HostEndException($"{Description}: cannot listen: {result.Message}{Advice(result.Error)}");
        }

        LocalAddress = StreamSocket.LocalAddress(listener!);
        _description = $"tcp:{address with { Port = LocalAddress?.Port ?? address.Port }}";
        return listener!;
    }

    protected override string? Welcome(FileDescriptor client)
    {
        if (noDelay)
        {
            _ = StreamSocket.SetNoDelay(client);
        }

        return $"{Description} (from {StreamSocket.PeerAddress(client)})";
    }

    private PosixResult Listen(IPAddress host, out FileDescriptor? listener)
        => StreamSocket.Listen(new IPEndPoint(host, address.Port), Backlog, onlyIpv6: !address.UseIpv4, out listener);

    private IPAddress Resolve()
    {
        if (address.Literal() is [IPAddress literal, ..])
        {
            return literal;
        }

        try
        {
            // A server's own name, once, before anything is served: nobody waits for this loop yet.
            return address.ResolveAsync().GetAwaiter().GetResult() is [IPAddress found, ..]
                ? found
                : throw new HostEndException($"{Description}: the host has no address of the allowed kind: look at ipv4= and ipv6=");
        }
        catch (SocketException e)
        {
            throw new HostEndException($"{Description}: cannot find the host: {e.Message}", e);
        }
    }

    private static string Advice(Errno error) => error switch
    {
        Errno.AddressInUse => ": stop the process that listens there or choose another port",
        Errno.AddressNotAvailable => ": the host has to be an address of this machine",
        Errno.AccessDenied => ": ports below 1024 need a privilege; choose a higher one",
        _ => "",
    };
}
