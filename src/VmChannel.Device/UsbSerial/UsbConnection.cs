using VmChannel.Device.Loop;
using VmChannel.Native;

namespace VmChannel.Device.UsbSerial;

/// <summary>The connection of a peer that carries an adapter's transfers, whatever protocol it speaks: what it sends is taken apart, answers are sent. Loop thread only.</summary>
/// <remarks>A peer that does not read is not read from, so nothing grows.</remarks>
/// <param name="loop">Serves it.</param>
/// <param name="socket">Connected and non-blocking; owned from here on.</param>
internal abstract class UsbConnection(DeviceLoop loop, FileDescriptor socket) : Runnable, IReadiness, IDisposable
{
    private const int PacketsPerTurn = 128;

    /// <summary>That there is room in the socket is news only after it was full: else each byte the peer reads would wake the loop.</summary>
    private const EpollEvents Watched = EpollEvents.In | EpollEvents.ReadHangUp;

    private Registration? _watch;
    private bool _mayReceive = true;
    private bool _maySend = true;
    private bool _isHungUp;

    /// <summary>What the peer sent.</summary>
    protected ReceiveBuffer Input { get; } = new();

    /// <summary>What the peer is sent.</summary>
    protected SendBuffer Output { get; } = new();

    /// <summary>It has ended.</summary>
    protected bool IsOver { get; private set; }

    public void OnReady(EpollEvents events)
    {
        _mayReceive |= (events & ~EpollEvents.Out) != 0;
        _isHungUp |= (events & ~(EpollEvents.In | EpollEvents.Out)) != 0;
        if (!_maySend && (events & ~EpollEvents.In) != 0)
        {
            _maySend = true;
            _watch?.Change(Watched);
        }

        loop.Schedule(this);
    }

    /// <summary>Sends what there is.</summary>
    public void Flush()
    {
        while (!IsOver && _maySend && Output.Count > 0)
        {
            PosixResult sent = Output.Send(socket);
            Moved += Math.Max(0, sent.Value);
            if (sent.IsAgain)
            {
                _maySend = false;
                _watch?.Change(Watched | EpollEvents.Out);
            }
            else if (!sent.IsSuccess)
            {
                End(sent.Error is Errno.ConnectionReset or Errno.BrokenPipe ? null : $"sending failed: {sent.Message}");
            }
        }
    }

    public void Dispose()
    {
        if (!IsOver)
        {
            IsOver = true;
            Leave();
            _watch?.Dispose();
            socket.Dispose();
        }
    }

    protected internal override bool Run()
    {
        Flush();
        bool more = Receive();
        if (!IsOver)
        {
            more |= Serve();
        }

        bool wasFull = !Output.HasReserve;
        Flush();

        // Nobody tells that there is room again when the socket took everything at once.
        return !IsOver && (more || (wasFull && Output.HasReserve));
    }

    /// <summary>Begins to listen to the peer.</summary>
    /// <exception cref="IOException">The socket cannot be watched.</exception>
    protected void Watch() => _ = loop.Add(socket, Watched, this, out _watch).OrThrow("watch the connection");

    /// <summary>Takes the next packet off <see cref="Input"/>, and acts on it.</summary>
    /// <param name="needed">When there is none: bytes that it will have as far as is known.</param>
    /// <returns>False: it is not there yet.</returns>
    protected abstract bool TryTake(out int needed);

    /// <summary>Gives the adapter its turn. True when there is more to do right now.</summary>
    protected abstract bool Serve();

    /// <summary>The adapter loses its guest. Called once.</summary>
    protected abstract void Leave();

    /// <summary>The connection is over.</summary>
    /// <param name="reason">What the peer did; null when it simply left.</param>
    protected abstract void End(string? reason);

    /// <summary>True when there is more to do right now.</summary>
    private bool Receive()
    {
        for (int packets = 0; packets < PacketsPerTurn;)
        {
            if (IsOver || !Output.HasReserve)
            {
                return false;
            }

            if (TryTake(out int needed))
            {
                packets++;
            }
            else if (!IsOver)
            {
                if (!_mayReceive)
                {
                    return false;
                }

                Input.MakeRoom(needed);
                Fill();
            }
        }

        return true;
    }

    private void Fill()
    {
        PosixResult result = Input.Fill(socket, out bool isFull);
        if (result is { IsSuccess: true, Value: > 0 })
        {
            Moved += result.Value;

            // More would have come along, and what comes later is reported; but nothing is after a hang-up, so the end has to be read.
            _mayReceive = isFull || _isHungUp;
        }
        else if (result.IsAgain)
        {
            _mayReceive = false;
        }
        else
        {
            // A peer that leaves without having read everything resets the connection.
            End(result.IsSuccess || result.Error == Errno.ConnectionReset ? null : $"receiving failed: {result.Message}");
        }
    }
}
