using VmChannel.Native;

namespace VmChannel.Device.Channels;

/// <content>How bytes go to the holder, to those who follow, and from those who may write.</content>
internal sealed partial class Audience
{
    /// <summary>Bytes of a client that may not write that one turn reads and drops.</summary>
    private const int DropBytesPerTurn = 256 * 1024;

    private PinnedBuffer? _scratch;
    private int _nextWriter;

    /// <summary>As <see cref="Channel.Write"/>.</summary>
    public long Write(ReadOnlySpan<IoVector> source, long length)
    {
        bool wasBusy = Enter();
        long taken = _channel.NeverHolds ? Keep(source, length) : Deliver(source, length);
        if (taken > 0 && _clients.Count > 0)
        {
            DropThoseBehind();
            _loop.Schedule(this);
        }

        Leave(wasBusy);
        return taken;
    }

    /// <summary>As <see cref="Channel.Read"/>: each who may write has its turn.</summary>
    public long Read(ReadOnlySpan<IoVector> destination)
    {
        bool wasBusy = Enter();
        long given = 0;
        int count = _clients.Count + 1;
        for (int i = 0; i < count && given == 0; i++)
        {
            int at = (_nextWriter + i) % count;
            Client client = at == 0 ? _host : _clients[at - 1];
            if (client.IsServed && client.IsPresent && MayWrite(client))
            {
                given = client.End.Read(destination);
                client.Counters.GivenBytes += given;
                _nextWriter = given > 0 ? at + 1 : _nextWriter;
            }
        }

        Leave(wasBusy);
        if (given > 0 && _writers > 1)
        {
            // A short read says nothing about the others.
            _channel.Wake();
        }

        return given;
    }

    /// <summary>Those who follow go on, and what nobody wants to hear is dropped.</summary>
    protected internal override bool Run()
    {
        bool more = false;
        if (_holder is not null)
        {
            Advance(_host);
        }

        for (int i = 0; i < _clients.Count; i++)
        {
            Client client = _clients[i];
            if (client.IsServed && client.IsPresent)
            {
                Advance(client);
                more |= client.IsPresent && !MayWrite(client) && DropInput(client);
            }
        }

        _channel.OnAudienceTurn();
        return more && _clients.Count > 0;
    }

    /// <summary>The guest waits for the holder, or for nobody if that is what was asked for.</summary>
    private long Deliver(ReadOnlySpan<IoVector> source, long length)
    {
        if (_holder is not { } holder)
        {
            if (_channel.Policy != DisconnectPolicy.Discard)
            {
                return 0;
            }

            _channel.Drop(length);
            _history.Append(source, length);
            _delivered = _history.End;
            return length;
        }

        Pump(holder);
        if (holder.Position < _history.End || !holder.End.IsOpen)
        {
            return 0;
        }

        long taken = holder.End.Write(source);
        _history.Append(source, taken);
        holder.Position = _history.End;
        holder.Counters.TakenBytes += taken;
        _delivered = _history.End;
        return taken;
    }

    /// <summary>The guest never waits: everybody follows, the holder too, and what it is too slow for is lost.</summary>
    private long Keep(ReadOnlySpan<IoVector> source, long length)
    {
        Reserve();
        _history.Append(source, length);
        long lost = _history.Start - _delivered;
        if (lost > 0)
        {
            _channel.Drop(lost);
            _delivered = _history.Start;
        }

        if (_holder is not null)
        {
            _holder.Position = Math.Max(_holder.Position, _history.Start);
            Pump(_holder);
        }

        return length;
    }

    private void Advance(Client client)
    {
        bool wasBusy = Enter();
        Pump(client);
        Leave(wasBusy);
    }

    private void Pump(Client client)
    {
        Span<IoVector> pieces = stackalloc IoVector[2];
        long end = client.EndsAt ?? _history.End;
        while (!client.IsLeaving && client.Position < end && client.End.IsOpen)
        {
            long taken = client.End.Write(pieces[.._history.Pieces(client.Position, end, pieces)]);
            if (taken == 0)
            {
                break;
            }

            client.Position += taken;
            client.Counters.TakenBytes += taken;
        }

        client.Counters.BehindBytes = end - client.Position;
        _hasNews |= client.HasAll;
        if (ReferenceEquals(client, _holder))
        {
            _delivered = Math.Max(_delivered, client.Position);
        }
    }

    private void DropThoseBehind()
    {
        for (int i = _clients.Count - 1; i >= 0; i--)
        {
            Client client = _clients[i];
            if (!client.IsServed || client.IsLeaving || ReferenceEquals(client, _holder) || _history.End - client.Position <= Bound)
            {
                continue;
            }

            Pump(client);
            if (_history.End - client.Position > Bound)
            {
                _clients.RemoveAt(i);
                _channel.Tell(new(
                    ClientChangeKind.Dropped, client.Id, client.End.Description, $"it is more than {Bound} bytes behind the guest: see buffer="));
                client.End.Dispose();
                _hasNews = true;
            }
        }
    }

    /// <summary>Reads what nobody wants, so that a hang-up behind it is seen. True when there may be more.</summary>
    private bool DropInput(Client client)
    {
        if (client.EndsAt is not null)
        {
            // It goes anyway once it has what is left for it.
            return false;
        }

        _scratch ??= new PinnedBuffer(DropBytesPerTurn / 4);
        bool wasBusy = Enter();
        long dropped = 0;
        long given;
        do
        {
            given = client.End.Read([_scratch.Vector(0, _scratch.Span.Length)]);
            dropped += given;
        }
        while (given > 0 && dropped < DropBytesPerTurn);
        bool isFirst = client.Counters.DroppedInputBytes == 0 && dropped > 0;
        client.Counters.DroppedInputBytes += dropped;
        Leave(wasBusy);
        if (isFirst)
        {
            _channel.Tell(new(
                ClientChangeKind.InputDropped, client.Id, client.End.Description, "it may not write to the guest: see writers="));
        }

        return given > 0;
    }
}
