using VmChannel.Native;
using VmChannel.Wire.VhostUser;

namespace VmChannel.Device.VhostUser;

/// <summary>The channel on which this side asks the front-end. No answer is ever asked for, so nothing ever waits.</summary>
internal sealed class BackendRequests(FileDescriptor socket) : IDisposable
{
    /// <summary>The driver should read the configuration space again.</summary>
    public void ConfigChanged() => Send(BackendRequest.ConfigChange, []);

    /// <summary>A ring without a call descriptor was used.</summary>
    public void Call(int queue)
    {
        Span<byte> payload = stackalloc byte[VringState.Size];
        new VringState((uint)queue, 0).Write(payload);
        Send(BackendRequest.VringCall, payload);
    }

    public void Dispose() => socket.Dispose();

    private void Send(BackendRequest request, ReadOnlySpan<byte> payload)
    {
        Span<byte> message = stackalloc byte[VhostUserHeader.Size + VringState.Size];
        VhostUserHeader.Ask((uint)request, payload.Length).Write(message);
        payload.CopyTo(message[VhostUserHeader.Size..]);
        // A front-end that does not read these will read the configuration some other time.
        _ = UnixSocket.Send(socket, message[..(VhostUserHeader.Size + payload.Length)]);
    }
}
