using System.Buffers;
using Microsoft.Extensions.Logging;
using VmChannel.Device.Loop;
using VmChannel.Device.UsbSerial;
using VmChannel.Native;
using VmChannel.Wire.UsbIp;

namespace VmChannel.Device.UsbIp;

/// <summary>The conversation with a client that has imported an adapter, on the loop thread.</summary>
/// <remarks>A transfer that makes no sense for the adapter fails; a message that makes no sense at all ends the connection, with one line in the log.</remarks>
internal sealed partial class UsbIpSession : UsbConnection, IUsbHost
{
    private readonly DeviceLoop _loop;
    private readonly UsbSerialAdapter _adapter;
    private readonly UsbIpDevice _device;
    private readonly Action<UsbIpSession> _ended;
    private readonly ILogger _log;

    /// <param name="loop">Serves it.</param>
    /// <param name="socket">Connected and non-blocking; owned from here on.</param>
    /// <param name="adapter">What the client has imported.</param>
    /// <param name="device">How the adapter is described.</param>
    /// <param name="peer">Who the client is, for people.</param>
    /// <param name="ended">Called once when the connection is over; not after <see cref="UsbConnection.Dispose"/>.</param>
    /// <param name="log">One line when it ends.</param>
    public UsbIpSession(
        DeviceLoop loop, FileDescriptor socket, UsbSerialAdapter adapter, in UsbIpDevice device, string peer, Action<UsbIpSession> ended, ILogger log)
        : base(loop, socket)
    {
        _loop = loop;
        _adapter = adapter;
        _device = device;
        Peer = peer;
        _ended = ended;
        _log = log;
    }

    public string Peer { get; }

    /// <summary>Tells the client that the adapter is its own, and begins to serve it.</summary>
    /// <exception cref="IOException">The socket cannot be watched.</exception>
    public void Start()
    {
        Watch();
        Span<byte> reply = Output.Add(UsbIpOperation.Size + UsbIpDevice.Size);
        new UsbIpOperation(UsbIpOperation.CurrentVersion, UsbIpCode.ImportReply, UsbIpOutcome.Good).Write(reply);
        _device.Write(reply[UsbIpOperation.Size..]);
        _adapter.Attach(this, Peer);
        _loop.Schedule(this);
    }

    protected override bool Serve() => _adapter.Serve();

    protected override void Leave() => _adapter.Detach("the USB/IP client has left");

    protected override bool TryTake(out int needed)
    {
        needed = 0;
        ReadOnlySpan<byte> input = Input.Unread;
        switch (UsbIpCommand.TryTake(ref input, out UsbIpCommand command, out _))
        {
            case OperationStatus.Done:
                int end = Input.Take(UsbIpCommand.HeaderSize + command.DataBytes);
                Handle(command, end - command.DataBytes);
                return true;
            case OperationStatus.InvalidData:
                End("it sent what is no USB/IP command, or one with more data than there may be");
                return false;
            default:
                needed = UsbIpCommand.HeaderSize + command.DataBytes;
                return false;
        }
    }

    protected override void End(string? reason)
    {
        if (IsOver)
        {
            return;
        }

        if (reason is null)
        {
            LogLeft(_device.BusId, Peer);
        }
        else
        {
            LogEnded(_device.BusId, Peer, reason);
        }

        Dispose();
        _ended(this);
    }

    [LoggerMessage(160, LogLevel.Information, "usbip {BusId}: the client at {Peer} left")]
    private partial void LogLeft(string busId, string peer);

    [LoggerMessage(161, LogLevel.Warning, "usbip {BusId}: the connection to the client at {Peer} ends: {Reason}")]
    private partial void LogEnded(string busId, string peer, string reason);
}
