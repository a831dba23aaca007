using System.Net.Sockets;
using VmChannel.Native;

namespace VmChannel.Mux.Tests;

/// <summary>Both ends of a duplex stream of the kernel's, as a channel is between host and guest.</summary>
internal static class ChannelDouble
{
    public static (Stream A, Stream B) Create()
    {
        (FileDescriptor a, FileDescriptor b) = UnixSocket.Pair();
        return (StreamOf(a), StreamOf(b));
    }

    private static NetworkStream StreamOf(FileDescriptor descriptor)
    {
        Socket socket = new(new SafeSocketHandle(descriptor.Number, ownsHandle: true));
        descriptor.SetHandleAsInvalid();
        return new NetworkStream(socket, ownsSocket: true);
    }
}
