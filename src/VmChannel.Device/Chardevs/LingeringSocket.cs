using VmChannel.Device.Loop;
using VmChannel.Native;

namespace VmChannel.Device.Chardevs;

/// <summary>A TCP connection that was shut down while the other side may still send. Loop thread only.</summary>
/// <remarks>
/// Closing it with bytes unread, or bytes to come, resets it, and a reset discards what was sent to the other side and has
/// not arrived. So what comes is read and dropped until the other side closes too, but not for ever.
/// </remarks>
internal sealed class LingeringSocket : IReadiness
{
    private const int BytesPerReport = 256 * 1024;
    private const EpollEvents Watched = EpollEvents.In | EpollEvents.ReadHangUp;
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(5);

    private readonly FileDescriptor _socket;
    private readonly Action<long> _dropped;
    private readonly byte[] _scratch = new byte[64 * 1024];
    private LoopTimer? _timer;
    private Registration? _registration;

    private LingeringSocket(FileDescriptor socket, Action<long> dropped)
    {
        _socket = socket;
        _dropped = dropped;
    }

    /// <summary>Owns the socket from here on.</summary>
    /// <param name="loop">Watches it.</param>
    /// <param name="socket">Shut down for writing.</param>
    /// <param name="dropped">Told of the bytes that still came.</param>
    public static void Take(DeviceLoop loop, FileDescriptor socket, Action<long> dropped)
    {
        LingeringSocket lingering = new(socket, dropped);
        if (loop.Add(socket, Watched, lingering, out lingering._registration).IsSuccess)
        {
            lingering._timer = loop.After(Patience, lingering.Close);
        }
        else
        {
            lingering.Close();
        }
    }

    public void OnReady(EpollEvents events)
    {
        for (int read = 0; read < BytesPerReport;)
        {
            PosixResult result = _socket.Read(_scratch);
            if (result.IsAgain)
            {
                return;
            }

            if (result.Value <= 0)
            {
                Close();
                return;
            }

            read += (int)result.Value;
            _dropped(result.Value);
        }

        // Others first; what is left is reported again.
        _registration!.Change(Watched);
    }

    private void Close()
    {
        _timer?.Dispose();
        _registration?.Dispose();
        _socket.Dispose();
    }
}
