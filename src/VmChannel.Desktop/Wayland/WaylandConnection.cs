using System.Buffers;
using VmChannel.Native;
using VmChannel.Wire.Wayland;

namespace VmChannel.Desktop.Wayland;

/// <summary>A connection to a compositor of this machine. One thread receives; sending is the caller's to serialize, because new objects' numbers go up by one.</summary>
internal sealed class WaylandConnection : IDisposable
{
    private const int MaxDescriptors = 64;
    private const uint FirstServerObject = 0xFF000000;

    private readonly FileDescriptor _socket;
    private readonly byte[] _input = new byte[2 * WaylandMessage.MaxBytes];
    private readonly List<FileDescriptor> _descriptors = [];
    private readonly Stack<uint> _free = new();
    private int _start;
    private int _end;
    private uint _last = WaylandRequest.Display;

    private WaylandConnection(FileDescriptor socket, string display)
    {
        _socket = socket;
        Display = display;
    }

    public string Display { get; }

    /// <param name="display">As <c>WAYLAND_DISPLAY</c> says it: a path, or a name in <c>XDG_RUNTIME_DIR</c>.</param>
    /// <exception cref="IOException">There is no such compositor.</exception>
    public static WaylandConnection Open(string display)
    {
        string path = Path.IsPathRooted(display)
            ? display
            : Path.Combine(Environment.GetEnvironmentVariable("XDG_RUNTIME_DIR") ?? throw new IOException($"XDG_RUNTIME_DIR is not set, so that {display} cannot be found"), display);
        if (!UnixAddress.TryCreate(path, isAbstract: false, isTight: true, out UnixAddress? address, out string? reason))
        {
            throw new IOException($"{path} {reason}");
        }

        PosixResult result = StreamSocket.Connect(address, out FileDescriptor? socket);
        _ = (socket?.SetNonBlocking(false) ?? result).OrThrow($"there is no compositor {display} here ({path})");
        return new(socket!, display);
    }

    /// <summary>A number for a new object: one that the compositor no longer knows, or the next.</summary>
    public uint NewObject() => _free.TryPop(out uint free) ? free : ++_last;

    /// <summary>The compositor has forgotten an object of ours.</summary>
    public void Free(uint id)
    {
        if (id is > WaylandRequest.Display and < FirstServerObject && id <= _last)
        {
            _free.Push(id);
        }
    }

    /// <exception cref="IOException">The compositor has gone.</exception>
    public void Send(ReadOnlySpan<byte> request, params ReadOnlySpan<FileDescriptor> descriptors)
    {
        while (!request.IsEmpty)
        {
            request = request[UnixSocket.Send(_socket, request, descriptors).OrThrow($"compositor {Display}")..];
            descriptors = [];
        }
    }

    /// <summary>The next event. Receiving thread only.</summary>
    /// <exception cref="IOException">The compositor has gone, or sent what is no event.</exception>
    public byte[] Next()
    {
        while (true)
        {
            ReadOnlySpan<byte> input = _input.AsSpan(_start, _end - _start);
            OperationStatus status = WaylandMessage.TryTake(ref input, out WaylandMessage message);
            if (status == OperationStatus.Done)
            {
                _start = _end - input.Length;
                return message.Bytes.ToArray();
            }

            if (status == OperationStatus.InvalidData)
            {
                throw new IOException($"compositor {Display} sent what is no message");
            }

            Fill();
        }
    }

    /// <summary>The descriptor that came with an event. Receiving thread only.</summary>
    public FileDescriptor TakeDescriptor()
    {
        if (_descriptors.Count == 0)
        {
            throw new IOException($"compositor {Display} sent no descriptor where one belongs");
        }

        FileDescriptor first = _descriptors[0];
        _descriptors.RemoveAt(0);
        return first;
    }

    /// <summary>Makes who receives stop.</summary>
    public void HangUp() => _ = UnixSocket.Shutdown(_socket, 2);

    public void Dispose()
    {
        _descriptors.ForEach(descriptor => descriptor.Dispose());
        _socket.Dispose();
    }

    private void Fill()
    {
        if (_start > 0)
        {
            _input.AsSpan(_start, _end - _start).CopyTo(_input);
            (_start, _end) = (0, _end - _start);
        }

        PosixResult received;
        do
        {
            PollEntry[] entries = [new(_socket.Number, PollEvents.In)];
            _ = Poll.Wait(entries, Timeout.InfiniteTimeSpan).OrThrow($"compositor {Display}");
            received = UnixSocket.Receive(_socket, _input.AsSpan(_end), _descriptors);
        }
        while (received.IsAgain);

        // A compositor that ends with requests unread resets the connection.
        int count = received.Error == Errno.ConnectionReset ? 0 : received.OrThrow($"compositor {Display}");
        if (count == 0 || _descriptors.Count > MaxDescriptors)
        {
            throw new IOException(count == 0 ? $"compositor {Display} has gone" : $"compositor {Display} sent descriptors that belong to nothing");
        }

        _end += count;
    }
}
