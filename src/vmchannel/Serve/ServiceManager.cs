using System.Text;
using VmChannel.Native;

namespace VmChannel.Cli.Serve;

/// <summary>Tells systemd how far this process is, when systemd wants to know (sd_notify(3)).</summary>
internal static class ServiceManager
{
    public static void Ready() => Send("READY=1");

    public static void Stopping() => Send("STOPPING=1");

    private static void Send(string state)
    {
        if (Environment.GetEnvironmentVariable("NOTIFY_SOCKET") is string socket
            && UnixAddress.TryCreate(socket.TrimStart('@'), socket.StartsWith('@'), isTight: true, out UnixAddress? address, out _))
        {
            // Nobody to tell it to is no reason to fail.
            _ = UnixDatagram.Send(address, Encoding.UTF8.GetBytes(state));
        }
    }
}
