using VmChannel.Wire.X11;

namespace VmChannel.Desktop.X11;

/// <summary>Values on their way to programs that asked for what we offer. Any thread.</summary>
/// <remarks>ICCCM §2.2, §2.7.2: what is longer than a request is given bit by bit, each when the one before it was taken.</remarks>
internal sealed class Answers(X11Connection connection, X11Atoms atoms)
{
    /// <summary>Programs that are given something bit by bit. One that has died takes no more, and nobody says so: the oldest makes room.</summary>
    private const int MaxIncremental = 16;

    private readonly Lock _lock = new();
    private readonly List<Incremental> _incremental = [];
    private readonly int _pieceBytes = Math.Min(connection.Setup.MaxRequestBytes, 256 * 1024) - RequestWriter.ChangePropertyBytes;

    /// <summary>Gives a value that is no longer than a request.</summary>
    public void Give(in SelectionRequest request, uint type, byte itemBits, byte[] value)
    {
        _ = connection.Send(RequestWriter.ChangeProperty(request.Requestor, PropertyOf(request), type, itemBits, value));
        Tell(request, PropertyOf(request));
    }

    /// <summary>Gives bytes of any length, in the form that was asked for.</summary>
    public void Give(in SelectionRequest request, byte[] value)
    {
        if (value.Length <= _pieceBytes)
        {
            Give(request, request.Target, 8, value);
            return;
        }

        lock (_lock)
        {
            if (_incremental.Count == MaxIncremental)
            {
                _incremental.RemoveAt(0);
            }

            _incremental.Add(new(request.Requestor, PropertyOf(request), request.Target, value));
        }

        _ = connection.Send(RequestWriter.WatchProperties(request.Requestor));
        Give(request, atoms.Increments, 32, BitConverter.GetBytes(value.Length));
    }

    public void Refuse(in SelectionRequest request) => Tell(request, property: 0);

    /// <summary>Somebody has taken a bit.</summary>
    public void On(in PropertyNotify notify)
    {
        if (!notify.IsDeleted)
        {
            return;
        }

        (uint window, uint property) = (notify.Window, notify.Property);
        lock (_lock)
        {
            if (_incremental.FirstOrDefault(one => one.Window == window && one.Property == property) is not Incremental next)
            {
                return;
            }

            // An empty one says that this was all.
            ReadOnlySpan<byte> piece = next.Take(_pieceBytes);
            _ = connection.Send(RequestWriter.ChangeProperty(window, property, next.Type, 8, piece));
            if (piece.IsEmpty)
            {
                _ = _incremental.Remove(next);
            }
        }
    }

    /// <remarks>ICCCM §2.2: clients of old leave the property to us.</remarks>
    private static uint PropertyOf(in SelectionRequest request) => request.Property == 0 ? request.Target : request.Property;

    private void Tell(in SelectionRequest request, uint property)
        => _ = connection.Send(RequestWriter.SendSelectionNotify(new(request.Time, request.Requestor, request.Selection, request.Target, property)));

    private sealed record Incremental(uint Window, uint Property, uint Type, byte[] Value)
    {
        private int _taken;

        public ReadOnlySpan<byte> Take(int bytes)
        {
            ReadOnlySpan<byte> piece = Value.AsSpan(_taken, Math.Min(bytes, Value.Length - _taken));
            _taken += piece.Length;
            return piece;
        }
    }
}
