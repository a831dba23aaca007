using System.Buffers;
using VmChannel.Device.Loop;
using VmChannel.Native;
using VmChannel.Wire.UsbIp;

namespace VmChannel.Device.UsbIp;

/// <summary>A connection until its client has said what it wants, and, when that is not an adapter, until the answer is sent. Loop thread only.</summary>
internal sealed class UsbIpGreeting : IReadiness, IDisposable
{
    /// <summary>Who connects has a question ready.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);

    private readonly FileDescriptor _socket;
    private readonly Action<UsbIpGreeting, UsbIpRequest> _asked;
    private readonly Action<UsbIpGreeting, string?> _ended;
    private readonly byte[] _request = new byte[UsbIpRequest.MaxSize];
    private int _received;
    private byte[]? _answer;
    private int _sent;
    private Registration? _watch;
    private LoopTimer? _timer;
    private bool _isOver;

    /// <param name="socket">Connected and non-blocking; owned from here on.</param>
    /// <param name="peer">Who the client is, for people.</param>
    /// <param name="asked">Called once, when the client has said what it wants: <see cref="Answer"/> or <see cref="TakeSocket"/> is to follow.</param>
    /// <param name="ended">Called once when the connection is over, with what was wrong with it; not after <see cref="Dispose"/>.</param>
    public UsbIpGreeting(FileDescriptor socket, string peer, Action<UsbIpGreeting, UsbIpRequest> asked, Action<UsbIpGreeting, string?> ended)
    {
        _socket = socket;
        Peer = peer;
        _asked = asked;
        _ended = ended;
    }

    public string Peer { get; }

    /// <summary>Begins to listen to the client.</summary>
    /// <exception cref="IOException">The socket cannot be watched.</exception>
    public void Start(DeviceLoop loop)
    {
        _ = loop.Add(_socket, EpollEvents.In | EpollEvents.Out | EpollEvents.ReadHangUp, this, out _watch).OrThrow("watch the connection");
        _timer = loop.After(Patience, () => End(_answer is null ? "it asked nothing" : "it does not read the answer"));
    }

    public void OnReady(EpollEvents events)
    {
        if (_isOver)
        {
            return;
        }

        if (_answer is null)
        {
            Receive();
        }
        else
        {
            Send();
        }
    }

    /// <summary>Sends this, then ends the connection.</summary>
    public void Answer(byte[] answer)
    {
        _answer = answer;
        Send();
    }

    /// <summary>Gives the connection away; nothing is left here.</summary>
    public FileDescriptor TakeSocket()
    {
        Forget();
        return _socket;
    }

    public void Dispose()
    {
        if (!_isOver)
        {
            Forget();
            _socket.Dispose();
        }
    }

    /// <summary>Takes no byte that is not part of the question: the next ones are for whoever gets the connection.</summary>
    private void Receive()
    {
        while (!_isOver && _answer is null)
        {
            int wanted = _received < UsbIpOperation.Size ? UsbIpOperation.Size : UsbIpRequest.MaxSize;
            PosixResult result = _socket.Read(_request.AsSpan(_received, wanted - _received));
            if (result.IsAgain)
            {
                return;
            }

            if (!result.IsSuccess || result.Value == 0)
            {
                End(result.IsSuccess ? null : $"receiving failed: {result.Message}");
                return;
            }

            _received += (int)result.Value;
            ReadOnlySpan<byte> input = _request.AsSpan(0, _received);
            OperationStatus status = UsbIpRequest.TryTake(ref input, out UsbIpRequest request);
            if (status == OperationStatus.Done)
            {
                _asked(this, request);
                return;
            }

            if (status == OperationStatus.InvalidData)
            {
                End(WhatIsWrong(request.Operation));
            }
        }
    }

    private static string WhatIsWrong(in UsbIpOperation operation)
        => operation.Version != UsbIpOperation.CurrentVersion ? $"it speaks version {operation.Version:x4} of USB/IP, if at all; {UsbIpOperation.CurrentVersion:x4} is spoken here"
            : operation.Code == UsbIpCode.ImportRequest ? "it wants to import a device whose bus id is not printable"
            : $"it asks for 0x{(ushort)operation.Code:x4}, which is neither a list nor an import";

    private void Send()
    {
        while (!_isOver)
        {
            PosixResult result = UnixSocket.Send(_socket, _answer.AsSpan(_sent));
            if (result.IsAgain)
            {
                return;
            }

            _sent += result.IsSuccess ? (int)result.Value : 0;
            if (!result.IsSuccess || _sent == _answer!.Length)
            {
                End(result.IsSuccess ? null : $"sending failed: {result.Message}");
            }
        }
    }

    private void End(string? reason)
    {
        if (!_isOver)
        {
            Dispose();
            _ended(this, reason);
        }
    }

    private void Forget()
    {
        _isOver = true;
        _timer?.Dispose();
        _watch?.Dispose();
    }
}
