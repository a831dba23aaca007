using VmChannel.Device.UsbSerial;
using VmChannel.Wire.Usb;
using VmChannel.Wire.UsbRedir;

namespace VmChannel.Device.UsbRedir;

/// <content>What each packet of a peer means.</content>
internal sealed partial class UsbRedirSession
{
    /// <summary>Longest answer on the control endpoint: the longest descriptor.</summary>
    private const int MaxAnswerBytes = 255;

    /// <summary>A peer's rules for devices are text; the longest that make sense are far below this.</summary>
    private const int MaxFilterBytes = 16 * 1024;

    /// <summary>Acts on a packet. Returns what is wrong with it, when the stream cannot be followed any further.</summary>
    private string? Handle(in UsbRedirHeader header)
    {
        ReadOnlySpan<byte> payload = Input.Buffer.Span.Slice(_payloadAt, (int)header.PayloadBytes);
        if (!_hasHello)
        {
            return header.Type == UsbRedirType.Hello ? TakeHello(payload) : $"its first packet is of type {(uint)header.Type}, not a hello";
        }

        int? expected = header.Type switch
        {
            UsbRedirType.Reset or UsbRedirType.GetConfiguration or UsbRedirType.CancelDataPacket
                or UsbRedirType.FilterReject or UsbRedirType.DeviceDisconnectAck => 0,
            UsbRedirType.SetConfiguration or UsbRedirType.GetAltSetting or UsbRedirType.StopIsoStream
                or UsbRedirType.StartInterruptReceiving or UsbRedirType.StopInterruptReceiving => 1,
            UsbRedirType.SetAltSetting => 2,
            UsbRedirType.StartIsoStream => 3,
            _ => null,
        };
        if (expected is int length && payload.Length != length)
        {
            return $"a packet of type {(uint)header.Type} has {payload.Length} bytes instead of {length}";
        }

        switch (header.Type)
        {
            case UsbRedirType.DeviceDisconnectAck when (_packets.Shared & UsbRedirCapabilities.DeviceDisconnectAck) != 0:
                _awaitsAck = false;
                Connect();
                return null;
            case UsbRedirType.FilterFilter when (_packets.Shared & UsbRedirCapabilities.Filter) != 0:
                return payload.Length <= MaxFilterBytes ? null : $"its filter has {payload.Length} bytes; {MaxFilterBytes} are enough";
            case UsbRedirType.FilterReject when (_packets.Shared & UsbRedirCapabilities.Filter) != 0:
                LogRejected(Name, Peer);
                Leave();
                return null;
            case UsbRedirType.DeviceDisconnectAck or UsbRedirType.FilterFilter or UsbRedirType.FilterReject:
                return $"a packet of type {(uint)header.Type}, which was not agreed on";
            case UsbRedirType.ControlPacket:
                return TakeControl(header.Id, payload);
            case UsbRedirType.BulkPacket:
                return TakeBulk(header.Id, payload);
            case UsbRedirType.InterruptPacket or UsbRedirType.IsoPacket:
                return payload.Length < 4 ? $"a packet of type {(uint)header.Type} has {payload.Length} bytes; 4 are the least" : Refuse(header, payload[0]);
            case UsbRedirType when expected is null:
                return $"a packet of type {(uint)header.Type}, which this side does not take";
            default:
                return Request(header, payload);
        }
    }

    private string? TakeHello(ReadOnlySpan<byte> payload)
    {
        if (!UsbRedirHello.TryRead(payload, out _, out UsbRedirCapabilities theirs))
        {
            return $"its hello has {payload.Length} bytes, which is none";
        }

        _hasHello = true;
        _packets.Agree(theirs);
        Connect();
        return null;
    }

    /// <summary>What a device is asked beside its transfers. What was sent to one that is gone meanwhile is for nobody.</summary>
    private string? Request(in UsbRedirHeader header, ReadOnlySpan<byte> payload)
    {
        if (!_isConnected)
        {
            return null;
        }

        UsbSerialAdapter adapter = _adapter!;
        switch (header.Type)
        {
            case UsbRedirType.Reset:
                adapter.Reset();
                ReceiveNotifications(adapter, _receivesNotifications);
                return null;
            case UsbRedirType.SetConfiguration:
                ReceiveNotifications(adapter, false);
                bool isKnown = adapter.Configure(payload[0]);
                _packets.Shape(adapter);
                _packets.Answer(
                    UsbRedirType.ConfigurationStatus, header.Id, (byte)(isKnown ? UsbRedirStatus.Success : UsbRedirStatus.Invalid), adapter.Configuration);
                return null;
            case UsbRedirType.GetConfiguration:
                _packets.Answer(UsbRedirType.ConfigurationStatus, header.Id, (byte)UsbRedirStatus.Success, adapter.Configuration);
                return null;
            case UsbRedirType.SetAltSetting:
                bool isThere = adapter.HasInterface(payload[0]) && payload[1] == 0;
                _packets.Shape(adapter);
                _packets.Answer(UsbRedirType.AltSettingStatus, header.Id, (byte)(isThere ? UsbRedirStatus.Success : UsbRedirStatus.Invalid), payload[0], 0);
                return null;
            case UsbRedirType.GetAltSetting:
                bool hasInterface = adapter.HasInterface(payload[0]);
                _packets.Answer(
                    UsbRedirType.AltSettingStatus, header.Id, (byte)(hasInterface ? UsbRedirStatus.Success : UsbRedirStatus.Invalid), payload[0], 0);
                return null;
            case UsbRedirType.CancelDataPacket:
                adapter.Cancel(header.Id);
                return null;
            case UsbRedirType.StartInterruptReceiving or UsbRedirType.StopInterruptReceiving
                when payload[0] == AdapterDescriptors.NotificationEndpoint && adapter.HasNotifications:
                ReceiveNotifications(adapter, header.Type == UsbRedirType.StartInterruptReceiving);
                _packets.Answer(UsbRedirType.InterruptReceivingStatus, header.Id, (byte)UsbRedirStatus.Success, payload[0]);
                return null;
            default:
                return Refuse(header, payload[0]);
        }
    }

    private void ReceiveNotifications(UsbSerialAdapter adapter, bool receive)
    {
        adapter.CancelNotifications();
        _receivesNotifications = receive;
        if (receive)
        {
            adapter.SubmitNotification(0, AdapterDescriptors.BulkPacketBytes);
        }
    }

    /// <summary>The adapter has no isochronous endpoint, no interrupt endpoint that takes anything, and not every kind has one that says anything.</summary>
    private string? Refuse(in UsbRedirHeader header, byte endpoint)
    {
        switch (header.Type)
        {
            case UsbRedirType.StartIsoStream or UsbRedirType.StopIsoStream or UsbRedirType.IsoPacket:
                _packets.Answer(UsbRedirType.IsoStreamStatus, header.Id, (byte)UsbRedirStatus.Invalid, endpoint);
                break;
            case UsbRedirType.InterruptPacket:
                _packets.Answer(UsbRedirType.InterruptPacket, header.Id, endpoint, (byte)UsbRedirStatus.Invalid, 0, 0);
                break;
            default:
                _packets.Answer(UsbRedirType.InterruptReceivingStatus, header.Id, (byte)UsbRedirStatus.Invalid, endpoint);
                break;
        }

        return null;
    }

    private string? TakeControl(ulong id, ReadOnlySpan<byte> payload)
    {
        if (!UsbRedirControl.TryRead(payload, out UsbRedirControl packet))
        {
            return $"a control packet has {payload.Length} bytes; {UsbRedirControl.Size} are the least";
        }

        SetupPacket setup = packet.Setup;
        int data = payload.Length - UsbRedirControl.Size;
        if (data != (setup.IsIn ? 0 : setup.Length))
        {
            return $"a control packet has {data} bytes of data instead of {(setup.IsIn ? 0 : setup.Length)}";
        }

        if (_isConnected)
        {
            Span<byte> answer = stackalloc byte[MaxAnswerBytes];
            answer = answer[..Math.Min(setup.IsIn ? setup.Length : 0, MaxAnswerBytes)];
            TransferStatus status = _adapter!.Control(setup, payload[UsbRedirControl.Size..], answer, out int bytes);
            bool isDone = status == TransferStatus.Done;
            _packets.Control(id, packet, StatusOf(status), answer[..bytes], !isDone ? 0 : setup.IsIn ? bytes : setup.Length);
        }

        return null;
    }

    private string? TakeBulk(ulong id, ReadOnlySpan<byte> payload)
    {
        if (!UsbRedirBulk.TryRead(payload, _packets.Shared, out UsbRedirBulk packet))
        {
            return $"a bulk packet has {payload.Length} bytes; {UsbRedirBulk.Size(_packets.Shared)} are the least";
        }

        bool isIn = (packet.Endpoint & 0x80) != 0;
        int header = UsbRedirBulk.Size(_packets.Shared);
        int data = payload.Length - header;
        if (data != (isIn ? 0 : packet.Length))
        {
            return $"a bulk packet has {data} bytes of data instead of {(isIn ? 0 : packet.Length)}";
        }

        if (!_isConnected)
        {
            return null;
        }

        switch (packet.Endpoint)
        {
            case AdapterDescriptors.InEndpoint when packet.Stream == 0:
                _adapter!.SubmitIn(id, packet.Length);
                break;
            case AdapterDescriptors.OutEndpoint when packet.Stream == 0:
                _adapter!.SubmitOut(id, Input.Buffer, _payloadAt + header, data);
                break;
            default:
                _packets.Bulk(id, packet.Endpoint, UsbRedirStatus.Invalid, 0, packet.Stream);
                break;
        }

        return null;
    }
}
