using VmChannel.Device.UsbSerial;
using VmChannel.Native;
using VmChannel.Wire.Usb;
using VmChannel.Wire.UsbIp;

namespace VmChannel.Device.UsbIp;

/// <content>What each command means, and the answers.</content>
internal sealed partial class UsbIpSession
{
    /// <summary>Longest answer on the control endpoint: the longest descriptor.</summary>
    private const int MaxAnswerBytes = 255;

    /// <summary>Endpoint numbers, without the direction.</summary>
    private const byte InEndpoint = AdapterDescriptors.InEndpoint & 0x7F;
    private const byte NotificationEndpoint = AdapterDescriptors.NotificationEndpoint & 0x7F;

    /// <summary>
    /// What Linux and others send to the device although it is its hub's business: SET_FEATURE(PORT_RESET) to "other".
    /// </summary>
    private const byte ToPort = 0x23;

    private const ushort PortReset = 4;

    private ulong? _unlinking;

    public bool TryReserve(int bytes, out PinnedBuffer buffer, out int offset)
    {
        buffer = Output.Buffer;
        bool isThere = Output.TryReserve(UsbIpReply.Size + bytes, out int reply);
        offset = reply + UsbIpReply.Size;
        return isThere;
    }

    public void CompleteIn(ulong id, int bytes)
    {
        Reply((uint)id, UsbIpStatus.Good, bytes);
        Output.Commit(bytes);
    }

    public void CompleteOut(ulong id, int bytes, TransferStatus status) => Finish(id, status, bytes);

    public void FailIn(ulong id, TransferStatus status) => Finish(id, status, 0);

    public bool TryNotify(ulong id, ReadOnlySpan<byte> data)
    {
        if (!Output.TryReserve(UsbIpReply.Size + data.Length, out _))
        {
            return false;
        }

        Reply((uint)id, UsbIpStatus.Good, data.Length);
        data.CopyTo(Output.Add(data.Length));
        return true;
    }

    public void FailNotification(ulong id, TransferStatus status) => Finish(id, status, 0);

    private static UsbIpStatus StatusOf(TransferStatus status) => status switch
    {
        TransferStatus.Done => UsbIpStatus.Good,
        TransferStatus.Cancelled => UsbIpStatus.Unlinked,
        TransferStatus.Stalled => UsbIpStatus.Stalled,
        TransferStatus.Invalid => UsbIpStatus.Invalid,
        _ => UsbIpStatus.NoMemory,
    };

    private void Handle(in UsbIpCommand command, int dataOffset)
    {
        if (command.Device != _device.Id)
        {
            End($"it speaks to device {command.Device:x8} and has imported {_device.Id:x8}");
        }
        else if (command.Kind == UsbIpKind.Unlink)
        {
            Unlink(command);
        }
        else if (command.Endpoint == 0)
        {
            Control(command, Input.Buffer.Span.Slice(dataOffset, command.DataBytes));
        }
        else if (command is { IsIn: true, Endpoint: InEndpoint })
        {
            _adapter.SubmitIn(command.Sequence, command.Length);
        }
        else if (command is { IsIn: false, Endpoint: AdapterDescriptors.OutEndpoint })
        {
            _adapter.SubmitOut(command.Sequence, Input.Buffer, dataOffset, command.Length);
        }
        else if (command is { IsIn: true, Endpoint: NotificationEndpoint })
        {
            _adapter.SubmitNotification(command.Sequence, command.Length);
        }
        else
        {
            Reply(command.Sequence, UsbIpStatus.Invalid, 0);
        }
    }

    private void Control(in UsbIpCommand command, ReadOnlySpan<byte> data)
    {
        SetupPacket setup = command.Setup;

        // A request without data may come on either pipe.
        if (setup.Length > 0 && (setup.IsIn != command.IsIn || (!setup.IsIn && setup.Length != command.Length)))
        {
            Reply(command.Sequence, UsbIpStatus.Invalid, 0);
            return;
        }

        if (setup is { RequestType: ToPort, Request: (byte)StandardRequest.SetFeature, Value: PortReset })
        {
            _adapter.Reset();
            Reply(command.Sequence, UsbIpStatus.Good, 0);
            return;
        }

        Span<byte> answer = stackalloc byte[MaxAnswerBytes];
        answer = answer[..(setup.IsIn && command.IsIn ? Math.Min(Math.Min(setup.Length, command.Length), MaxAnswerBytes) : 0)];
        TransferStatus status = _adapter.Control(setup, data, answer, out int bytes);
        answer = answer[..(status == TransferStatus.Done ? bytes : 0)];
        bool isTaken = status == TransferStatus.Done && !setup.IsIn;
        Reply(command.Sequence, StatusOf(status), isTaken ? setup.Length : answer.Length);
        answer.CopyTo(Output.Add(answer.Length));
    }

    /// <summary>The transfer that is given up is answered by the unlinking alone; one that was over before was answered before.</summary>
    private void Unlink(in UsbIpCommand command)
    {
        _unlinking = command.Unlinked;
        _adapter.Cancel(command.Unlinked);
        UsbIpStatus status = _unlinking is null ? UsbIpStatus.Unlinked : UsbIpStatus.Good;
        _unlinking = null;
        new UsbIpReply(UsbIpKind.UnlinkReply, command.Sequence, status, 0).Write(Output.Add(UsbIpReply.Size));
    }

    private void Finish(ulong id, TransferStatus status, int bytes)
    {
        if (_unlinking == id)
        {
            _unlinking = null;
        }
        else
        {
            Reply((uint)id, StatusOf(status), bytes);
        }
    }

    private void Reply(uint sequence, UsbIpStatus status, int bytes)
        => new UsbIpReply(UsbIpKind.SubmitReply, sequence, status, bytes).Write(Output.Add(UsbIpReply.Size));
}
