using System.Text;

namespace VmChannel.Native;

/// <summary>Where systemd wants to hear how far this process is (sd_notify(3)).</summary>
public static class NotifySocket
{
    /// <summary>Names the socket; not for this process's children.</summary>
    public const string Variable = "NOTIFY_SOCKET";

    /// <summary>Tells it. Nobody to tell it to is no reason to fail.</summary>
    /// <param name="state">Such as <c>READY=1</c>; several on lines of their own.</param>
    public static void Send(string state)
    {
        if (Environment.GetEnvironmentVariable(Variable) is string socket
            && UnixAddress.TryCreate(socket.TrimStart('@'), socket.StartsWith('@'), isTight: true, out UnixAddress? address, out _))
        {
            _ = UnixDatagram.Send(address, Encoding.UTF8.GetBytes(state));
        }
    }
}
