namespace VmChannel.Native;

/// <summary>One message to a unix datagram socket, such as a service manager's.</summary>
public static class UnixDatagram
{
    private const int DatagramCloseOnExecNonBlocking = 2 | 0x80000 | 0x800;
    private const int FamilyUnix = 1;

    public static unsafe PosixResult Send(UnixAddress address, ReadOnlySpan<byte> message)
    {
        PosixResult result = PosixResult.From(Libc.Socket(FamilyUnix, DatagramCloseOnExecNonBlocking, 0));
        if (!result.IsSuccess)
        {
            return result;
        }

        using FileDescriptor socket = new((int)result.Value);
        fixed (byte* bytes = address.Encoded)
        {
            result = PosixResult.From(Libc.Connect(socket, bytes, (uint)address.Encoded.Length));
        }

        return result.IsSuccess ? socket.Write(message) : result;
    }
}
