namespace VmChannel.Guest;

/// <summary>What a stream knows of the host's end. Written under the stream's lock, read by anybody.</summary>
/// <param name="endsWithHost">The stream ends when the host closes.</param>
internal sealed class HostPresence(bool endsWithHost)
{
    private volatile bool _isOpen;
    private volatile bool _hasEnded;
    private volatile int _generation;

    public bool IsOpen => _isOpen;

    /// <summary>How many times the host's end was seen to open.</summary>
    public int Generation => _generation;

    /// <summary>The stream ended with the host; this never changes back.</summary>
    public bool HasEnded => _hasEnded;

    /// <summary>Takes a look in.</summary>
    /// <returns>Something has changed.</returns>
    public bool Update(HostSight sight)
    {
        if (_hasEnded)
        {
            // Whoever comes now is the host of the next stream.
            return false;
        }

        bool was = _isOpen;
        bool isOpen = sight is { IsOpen: true, IsUnplugged: false };
        _generation += sight.Flaps + (isOpen && !was ? 1 : 0);
        _hasEnded |= endsWithHost && (sight.Flaps > 0 || (was && !isOpen));
        _isOpen = isOpen && !_hasEnded;
        return was != isOpen || sight.Flaps > 0;
    }

    /// <summary>A reader found the end of what a host had sent.</summary>
    /// <returns>The stream has ended.</returns>
    public bool EndOfHost()
    {
        _hasEnded |= endsWithHost && _generation > 0;
        _isOpen &= !_hasEnded;
        return _hasEnded;
    }
}
