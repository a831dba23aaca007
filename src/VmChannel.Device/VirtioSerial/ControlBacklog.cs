using VmChannel.Wire.VirtioConsole;

namespace VmChannel.Device.VirtioSerial;

/// <summary>Control messages that wait for a buffer of the guest. Never drops one, and never grows past a few per port.</summary>
/// <remarks>
/// Linux posts control buffers one by one from a work queue, so a burst is normal. A guest that keeps provoking messages
/// without posting buffers gains nothing: a message already waiting is not added again, and of PORT_OPEN at most the last
/// three changes wait, which is all a reader can tell apart from the final state.
/// </remarks>
internal sealed class ControlBacklog
{
    private const int MaxOpenChanges = 3;

    private readonly List<Entry> _entries = [];

    public int Count => _entries.Count;

    public Entry First => _entries[0];

    public void RemoveFirst() => _entries.RemoveAt(0);

    public void Clear() => _entries.Clear();

    /// <summary>Forgets what waits for a port that is going away; its PORT_REMOVE says it all.</summary>
    /// <returns>True when the driver has not even been told of the port.</returns>
    public bool RemovePort(uint port)
    {
        bool isUnknown = _entries.Exists(entry => entry.Message == new ControlMessage(port, ControlEvent.PortAdd, 1));
        _ = _entries.RemoveAll(entry => entry.Message.PortId == port);
        return isUnknown;
    }

    public void Add(ControlMessage message, byte[]? payload = null)
    {
        if (message.Event == ControlEvent.PortOpen)
        {
            AddOpen(message);
            return;
        }

        for (int i = 0; i < _entries.Count; i++)
        {
            if (_entries[i].Message == message)
            {
                _entries[i] = new(message, payload);
                return;
            }
        }

        _entries.Add(new(message, payload));
    }

    private void AddOpen(ControlMessage message)
    {
        int waiting = 0;
        int last = -1;
        for (int i = 0; i < _entries.Count; i++)
        {
            if (_entries[i].Message.PortId == message.PortId && _entries[i].Message.Event == ControlEvent.PortOpen)
            {
                waiting++;
                last = i;
            }
        }

        if (last >= 0 && _entries[last].Message == message)
        {
            return;
        }

        if (waiting == MaxOpenChanges)
        {
            // The waiting ones alternate, so without the last the tail already says what this message says.
            _entries.RemoveAt(last);
            return;
        }

        _entries.Add(new(message, null));
    }

    /// <summary>A message and the bytes that follow it.</summary>
    public readonly record struct Entry(ControlMessage Message, byte[]? Payload);
}
