using VmChannel.Native;
using VmChannel.Wire.Capture;

namespace VmChannel.Device.Channels;

/// <summary>The taps of a channel. Loop thread only.</summary>
internal sealed class TapSet : IDisposable
{
    private readonly List<ITap> _taps = [];

    public bool IsEmpty => _taps.Count == 0;

    public void Add(ITap tap) => _taps.Add(tap);

    public bool Remove(ITap tap)
    {
        bool wasThere = _taps.Remove(tap);
        if (wasThere)
        {
            tap.OnEnd();
        }

        return wasThere;
    }

    public void OnMoved(CaptureDirection direction, ReadOnlySpan<IoVector> pieces, long count)
    {
        if (count > 0)
        {
            foreach (ITap tap in _taps)
            {
                tap.OnMoved(direction, pieces, count);
            }
        }
    }

    public void Dispose()
    {
        foreach (ITap tap in _taps)
        {
            tap.OnEnd();
        }

        _taps.Clear();
    }
}
