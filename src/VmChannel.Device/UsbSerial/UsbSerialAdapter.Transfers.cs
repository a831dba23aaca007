using VmChannel.Native;

namespace VmChannel.Device.UsbSerial;

/// <content>The transfers on the two bulk endpoints.</content>
public sealed partial class UsbSerialAdapter
{
    private const int MaxInBytes = 64 * 1024;
    private const int MaxHeldIn = 256;

    private readonly HeldOutput _output = new();
    private readonly List<HeldInput> _input = [];
    private readonly IoVector[] _pieces = new IoVector[MaxInBytes / AdapterDescriptors.BulkPacketBytes];

    /// <summary>The guest wants bytes.</summary>
    /// <param name="id">Names the transfer.</param>
    /// <param name="bytes">Most that it takes.</param>
    public void SubmitIn(ulong id, long bytes)
    {
        if (Configuration == 0 || bytes < _device.HeaderBytes)
        {
            _host?.FailIn(id, TransferStatus.Invalid);
        }
        else if (_input.Count == MaxHeldIn)
        {
            _host?.FailIn(id, TransferStatus.TooMany);
        }
        else
        {
            _pace.OnAsked();
            _input.Add(new(id, (int)Math.Min(bytes, MaxInBytes)));
        }
    }

    /// <summary>The guest has bytes.</summary>
    /// <param name="id">Names the transfer.</param>
    /// <param name="buffer">Has the bytes, until this returns.</param>
    /// <param name="offset">Where they begin.</param>
    /// <param name="count">How many.</param>
    public void SubmitOut(ulong id, PinnedBuffer buffer, int offset, int count)
    {
        if (Configuration == 0)
        {
            _host?.CompleteOut(id, 0, TransferStatus.Invalid);
            return;
        }

        int taken = _output.Count == 0 ? Offer([buffer.Vector(offset, count)], count) : 0;
        if (taken == count)
        {
            Finish(id, count);
        }
        else if (!_output.TryAdd(id, taken, buffer.Span[(offset + taken)..(offset + count)]))
        {
            _host?.CompleteOut(id, taken, TransferStatus.TooMany);
        }
    }

    /// <summary>The guest gives a transfer up. One that is over already is none any more.</summary>
    public void Cancel(ulong id)
    {
        int held = _input.FindIndex(input => input.Id == id);
        if (held >= 0)
        {
            _input.RemoveAt(held);
            _host?.FailIn(id, TransferStatus.Cancelled);
        }
        else if (_output.TryRemove(id, out HeldOutput.Transfer transfer))
        {
            _host?.CompleteOut(id, transfer.Taken, TransferStatus.Cancelled);
        }
        else
        {
            _ = TryCancelNotification(id);
        }
    }

    /// <summary>Moves what can be moved. True when there is more to do right now.</summary>
    public bool Serve()
    {
        if (_host is not { } host)
        {
            return false;
        }

        bool more = MoveFromGuest();
        if (Port.IsDraining && IsDrained)
        {
            Port.OnDrained();
        }

        TellState(host);
        return MoveToGuest(host) || more;
    }

    private bool MoveFromGuest()
    {
        if (_output.Count == 0)
        {
            return false;
        }

        ReadOnlySpan<IoVector> pieces = _output.Pieces(_loop.BytesPerTurn);
        int offered = Math.Min(_loop.BytesPerTurn, _output.Bytes);
        int taken = Offer(pieces, offered);
        _output.Take(taken);
        while (_output.Count > 0 && _output.First is { Left: 0 } whole)
        {
            _output.RemoveFirst();
            Finish(whole.Id, whole.Taken);
        }

        return taken == offered && _output.Count > 0;
    }

    /// <summary>Returns how much the host end took.</summary>
    private int Offer(ReadOnlySpan<IoVector> pieces, int count)
    {
        int taken = count == 0 ? 0 : (int)Port.FromGuest(pieces, count);
        bool isFull = taken < count;
        if (isFull || _flow.IsFromGuestWaiting)
        {
            _flow.OnOffered(taken > 0, isFull);
        }

        return taken;
    }

    private void Finish(ulong id, int count)
    {
        Port.Counters.FromGuestMessages++;
        _host?.CompleteOut(id, count, TransferStatus.Done);
    }

    private bool MoveToGuest(IUsbHost host)
    {
        if (!_isSettled || !Port.IsGuestOpen || !Port.MayRead)
        {
            _flow.OnGiven();
            return false;
        }

        for (int moved = 0; moved < _loop.BytesPerTurn;)
        {
            if (_input.Count == 0 || !_pace.MayAnswer())
            {
                _flow.OnNoBuffers(hadBuffers: true);
                return false;
            }

            if (_flow.IsToGuestWaiting)
            {
                _flow.OnGiven();
            }

            int room = _input[0].Bytes;
            if (!host.TryReserve(room, out PinnedBuffer buffer, out int offset))
            {
                return false;
            }

            int pieces = LayOut(buffer, offset, room, out int wanted);
            int given = wanted == 0 ? 0 : (int)Port.ToGuest(_pieces.AsSpan(0, pieces));
            if (given == 0 && wanted > 0)
            {
                return false;
            }

            int dataPerPacket = AdapterDescriptors.BulkPacketBytes - _device.HeaderBytes;
            int packets = Math.Max(1, (given + dataPerPacket - 1) / dataPerPacket);
            for (int packet = 0; packet < packets; packet++)
            {
                PutHeader(buffer.Span[(offset + (packet * AdapterDescriptors.BulkPacketBytes))..]);
            }

            CompleteFirst(host, given + (packets * _device.HeaderBytes));
            Port.Counters.ToGuestMessages++;
            if (given < wanted)
            {
                // A wake-up follows when there is more.
                return false;
            }

            moved += Math.Max(1, given);
        }

        return true;
    }

    /// <summary>Where the data of a transfer goes: behind what begins each of its packets. Returns the number of pieces.</summary>
    private int LayOut(PinnedBuffer buffer, int offset, int room, out int bytes)
    {
        int header = _device.HeaderBytes;
        if (header == 0)
        {
            bytes = room;
            _pieces[0] = buffer.Vector(offset, room);
            return 1;
        }

        int count = 0;
        bytes = 0;
        for (int at = header; at < room; at += AdapterDescriptors.BulkPacketBytes)
        {
            int length = Math.Min(AdapterDescriptors.BulkPacketBytes - header, room - at);
            _pieces[count++] = buffer.Vector(offset + at, length);
            bytes += length;
        }

        return count;
    }

    private void CompleteFirst(IUsbHost host, int bytes)
    {
        ulong id = _input[0].Id;
        _input.RemoveAt(0);
        _pace.OnAnswered();
        host.CompleteIn(id, bytes);
    }

    private void CancelAll()
    {
        foreach (HeldInput input in _input)
        {
            _host?.FailIn(input.Id, TransferStatus.Cancelled);
        }

        _input.Clear();
        _pace.StartOver();
        for (int i = 0; i < _output.Count; i++)
        {
            HeldOutput.Transfer transfer = _output.Transfers[i];
            _host?.CompleteOut(transfer.Id, transfer.Taken, TransferStatus.Cancelled);
        }

        _output.Clear();
        CancelNotifications();
    }

    /// <summary>An IN transfer that is held.</summary>
    /// <param name="Id">Its name.</param>
    /// <param name="Bytes">Most that it takes, or that one is given.</param>
    private readonly record struct HeldInput(ulong Id, int Bytes);
}
