using Microsoft.Extensions.Logging;
using VmChannel.Device.Loop;
using VmChannel.Native;

namespace VmChannel.Device.Chardevs;

/// <summary><c>unix:PATH</c>: connects to a unix socket that a program on the host listens on.</summary>
public sealed class UnixClient(DeviceLoop loop, UnixAddress address, TimeSpan? reconnect, ILogger log)
    : SocketClient(loop, reconnect, log)
{
    private static readonly TimeSpan BusyRetry = TimeSpan.FromMilliseconds(100);

    public override string Description { get; } = $"unix:{address}";

    protected override void BeginConnect()
    {
        PosixResult result = StreamSocket.Connect(address, out FileDescriptor? socket);
        if (result.IsSuccess)
        {
            Connected(socket!, Description);
        }
        else if (result.IsAgain)
        {
            // The server is there and serves somebody else: our turn comes, as it would for a program that waits in connect.
            Later(BusyRetry);
        }
        else
        {
            Failed($"{Description}: cannot connect: {Explain(result)}");
        }
    }

    private static string Explain(PosixResult result) => result.Error switch
    {
        Errno.NotFound => "there is no such socket",
        Errno.ConnectionRefused => "nobody listens there",
        Errno.AccessDenied => "no permission to connect (run as the server's user, or change the socket's mode)",
        _ => result.Message,
    };
}
