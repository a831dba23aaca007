using VmChannel.Wire.X11;

namespace VmChannel.Desktop.X11;

/// <summary>What we asked selections' owners for. Any thread asks; the receiving thread does the rest.</summary>
/// <remarks>Each has a window of its own, so that what comes too late is found by nobody. ICCCM §2.4, §2.7.2.</remarks>
internal sealed class Conversions(X11Connection connection, X11Atoms atoms)
{
    /// <summary>Of whoever owns the selection: it may hang.</summary>
    private static readonly TimeSpan Silence = TimeSpan.FromSeconds(10);

    /// <summary>Questions under way.</summary>
    private const int MaxAsked = 16;

    private readonly Lock _lock = new();
    private readonly Dictionary<uint, IncomingValue> _asked = [];

    /// <summary>Asks, and waits for the whole value; null when there is none, or it is longer than that.</summary>
    public async Task<byte[]?> AskAsync(uint selection, uint target, int maxBytes)
    {
        uint window = connection.NewWindow();
        IncomingValue value = new(maxBytes);
        lock (_lock)
        {
            if (_asked.Count == MaxAsked || !_asked.TryAdd(window, value))
            {
                return null;
            }
        }

        try
        {
            _ = connection.Send(RequestWriter.CreateWindow(window, connection.Setup.Root));
            _ = connection.Send(RequestWriter.ConvertSelection(window, selection, target, atoms.Value, time: 0));
            return await value.WaitAsync(Silence);
        }
        finally
        {
            lock (_lock)
            {
                _ = _asked.Remove(window);
            }

            _ = connection.Send(RequestWriter.DestroyWindow(window));
        }
    }

    /// <summary>An owner has answered.</summary>
    public void On(in SelectionNotify notify)
    {
        if (Find(notify.Requestor) is not IncomingValue value)
        {
            return;
        }

        uint type = 0;
        if (notify.Property != atoms.Value || !Read(notify.Requestor, value, out type))
        {
            value.End(null);
        }
        else if (type == atoms.Increments)
        {
            value.Begin();
        }
        else
        {
            value.End(value.Value());
        }
    }

    /// <summary>Something of what an owner gives bit by bit may have come.</summary>
    public void On(in PropertyNotify notify)
    {
        if (notify.IsDeleted || notify.Property != atoms.Value || Find(notify.Window) is not { IsIncremental: true } value)
        {
            return;
        }

        int before = value.Bytes;
        if (!Read(notify.Window, value, out _))
        {
            value.End(null);
        }
        else if (value.Bytes == before)
        {
            value.End(value.Value());
        }
    }

    /// <summary>No answer comes any more.</summary>
    public void EndAll()
    {
        lock (_lock)
        {
            foreach (IncomingValue value in _asked.Values)
            {
                value.End(null);
            }
        }
    }

    private IncomingValue? Find(uint window)
    {
        lock (_lock)
        {
            return _asked.GetValueOrDefault(window);
        }
    }

    /// <summary>Takes the value off the window. False: it is too long.</summary>
    private bool Read(uint window, IncomingValue value, out uint type)
    {
        type = 0;
        uint offset = 0;
        while (connection.Ask(RequestWriter.GetProperty(window, atoms.Value, offset, X11Connection.PieceWords)) is byte[] message)
        {
            PropertyReply reply = PropertyReply.Read(message);
            type = reply.Type;
            if (type != atoms.Increments && !value.TryAppend(message.AsSpan(ServerMessage.Size, reply.ValueBytes)))
            {
                return false;
            }

            if (reply.BytesAfter == 0 || reply.ValueBytes == 0)
            {
                break;
            }

            offset += (uint)reply.ValueBytes / sizeof(uint);
        }

        return true;
    }
}
