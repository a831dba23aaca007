using System.Buffers;
using System.Buffers.Binary;
using VmChannel.Native;
using VmChannel.Wire.X11;

namespace VmChannel.Desktop.X11;

/// <summary>A connection to a display of this machine. Any thread sends; one thread receives.</summary>
internal sealed class X11Connection : IDisposable
{
    /// <summary>Of a property in one reply, in words.</summary>
    public const uint PieceWords = 64 * 1024;

    private const int MaxMessageBytes = ServerMessage.Size + ((int)PieceWords * sizeof(uint));

    private readonly FileDescriptor _socket;
    private readonly Lock _sending = new();
    private readonly Queue<byte[]> _held = new();
    private readonly byte[] _input = new byte[2 * MaxMessageBytes];
    private int _start;
    private int _end;
    private long _sent;
    private uint _windows;

    private X11Connection(FileDescriptor socket, string display)
    {
        _socket = socket;
        Display = display;
    }

    public string Display { get; }

    public ConnectionSetup Setup { get; private set; }

    /// <exception cref="IOException">There is no such display, or it does not let us in.</exception>
    public static X11Connection Open(DisplayName display)
    {
        X11Connection connection = new(display.Connect(), display.Text);
        try
        {
            connection.Greet(display.Cookie());
            return connection;
        }
        catch
        {
            connection.Dispose();
            throw;
        }
    }

    /// <summary>A number for a new window.</summary>
    public uint NewWindow()
    {
        // Those of windows that were destroyed long ago come again.
        uint number = Interlocked.Increment(ref _windows) % Math.Max(1, Setup.ResourceMask);
        return Setup.ResourceBase | (number == 0 ? Setup.ResourceMask : number);
    }

    /// <summary>Sends one request. Returns its number.</summary>
    /// <exception cref="IOException">The display has gone.</exception>
    public long Send(ReadOnlySpan<byte> request)
    {
        lock (_sending)
        {
            while (!request.IsEmpty)
            {
                request = request[UnixSocket.Send(_socket, request).OrThrow($"display {Display}")..];
            }

            return ++_sent;
        }
    }

    /// <summary>The number of the last request the server had carried out when it sent this.</summary>
    public long SequenceOf(in ServerMessage message)
    {
        lock (_sending)
        {
            return _sent - unchecked((ushort)((ushort)_sent - message.Sequence));
        }
    }

    /// <summary>The next event, or error. Receiving thread only.</summary>
    public byte[] Next() => _held.TryDequeue(out byte[]? held) ? held : Receive();

    /// <summary>Sends a request that has a reply, and waits for it; null when the server answers with an error. Receiving thread only.</summary>
    public byte[]? Ask(ReadOnlySpan<byte> request)
    {
        long asked = Send(request);
        while (true)
        {
            byte[] received = Receive();
            ServerMessage message = new(received);
            if ((message.IsReply || message.IsError) && SequenceOf(message) == asked)
            {
                return message.IsReply ? received : null;
            }

            _held.Enqueue(received);
        }
    }

    /// <summary>The number of a name. Receiving thread only.</summary>
    public uint Intern(string name)
        => Ask(RequestWriter.InternAtom(name)) is byte[] reply
            ? BinaryPrimitives.ReadUInt32LittleEndian(reply.AsSpan(8))
            : throw new IOException($"display {Display} knows no name {name}");

    /// <summary>Makes who receives stop.</summary>
    public void HangUp() => _ = UnixSocket.Shutdown(_socket, 2);

    public void Dispose() => _socket.Dispose();

    private void Greet(ReadOnlySpan<byte> cookie)
    {
        ReadOnlySpan<byte> request = ConnectionSetup.Request(cookie);
        _ = UnixSocket.Send(_socket, request).OrThrow($"display {Display}");
        Fill(ConnectionSetup.PrefixBytes);
        int length = ConnectionSetup.LengthOf(_input);
        Fill(length);
        if (!ConnectionSetup.TryRead(_input.AsSpan(0, length), out ConnectionSetup setup, out string reason))
        {
            throw new IOException($"display {Display} does not let us in: {reason}");
        }

        Setup = setup;
        _start = length;
    }

    private byte[] Receive()
    {
        while (true)
        {
            ReadOnlySpan<byte> input = _input.AsSpan(_start, _end - _start);
            OperationStatus status = ServerMessage.TryTake(ref input, MaxMessageBytes, out ServerMessage message);
            if (status == OperationStatus.Done)
            {
                _start = _end - input.Length;
                return message.Bytes.ToArray();
            }

            if (status == OperationStatus.InvalidData)
            {
                throw new IOException($"display {Display} sent what is no message");
            }

            Fill(input.Length + 1);
        }
    }

    /// <summary>Receives until that many bytes are there that nobody took.</summary>
    private void Fill(int bytes)
    {
        if (_start > 0)
        {
            _input.AsSpan(_start, _end - _start).CopyTo(_input);
            (_start, _end) = (0, _end - _start);
        }

        while (_end < bytes)
        {
            // A server that ends with requests unread resets the connection.
            PosixResult read = _socket.Read(_input.AsSpan(_end));
            int count = read.Error == Errno.ConnectionReset ? 0 : read.OrThrow($"display {Display}");
            _end += count > 0 ? count : throw new IOException($"display {Display} has gone");
        }
    }
}
