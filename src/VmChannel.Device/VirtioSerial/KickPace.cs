using System.Diagnostics;

namespace VmChannel.Device.VirtioSerial;

/// <summary>How many messages of the guest may wait for the next kick: none, unless it sends one after the other without end. Loop thread only.</summary>
/// <remarks>
/// A kick costs the guest an exit and the host a wake-up, several times what a small message costs otherwise. Where the next is
/// there in a moment anyway, a few share one: a batch is what comes in a sixth of a millisecond, and what is left of it when
/// the guest stops waits for a millisecond at most. Bytes for the guest mean that it may wait for an answer: then each is kicked for.
/// </remarks>
internal sealed class KickPace
{
    /// <summary>Most chains of a batch that wait.</summary>
    private const int Most = 32;

    private const int BatchesPerWindow = 6;
    private const int MostPauses = 1024;
    private const int SteadyWindows = 64;
    private static readonly long Window = Stopwatch.Frequency / 1000;

    private long _windowSince;
    private long _lastTurn;
    private long _chains;
    private int _pauses;
    private int _pausesLeft;
    private int _steady;
    private bool _isAnswered;

    /// <summary>Chains that may wait for the next.</summary>
    public int Known { get; private set; }

    /// <summary>A turn has taken so many chains, perhaps none.</summary>
    /// <param name="chains">How many.</param>
    /// <param name="streams">The driver waits for none of them, as far as is known.</param>
    /// <param name="ringSize">Entries of the ring.</param>
    public void OnTurn(int chains, bool streams, int ringSize) => OnTurn(chains, streams, ringSize, Stopwatch.GetTimestamp());

    /// <summary>The same, at a time in ticks of <see cref="Stopwatch"/>.</summary>
    internal void OnTurn(int chains, bool streams, int ringSize, long now)
    {
        bool hasStopped = now - _lastTurn >= Window / 2 && chains <= Math.Max(Known, 1);
        _lastTurn = now;
        _chains += chains;
        if (hasStopped)
        {
            Stop(now, amidBatch: chains > 0 && Known > 0);
        }
        else if (now - _windowSince >= Window)
        {
            long rate = _chains * Window / (now - _windowSince);
            bool mayWait = streams && !_isAnswered && _pausesLeft == 0;
            Known = mayWait ? (int)Math.Min(rate / BatchesPerWindow, Math.Min(ringSize / 8, Most)) : 0;
            _pausesLeft -= _pausesLeft > 0 ? 1 : 0;
            _steady = Known > 0 ? _steady + 1 : _steady;
            Begin(now);
        }
    }

    /// <summary>Bytes go to the guest.</summary>
    /// <returns>True when none may wait any more though some might have.</returns>
    public bool OnAnswer()
    {
        bool mayHaveWaited = Known > 0;
        Known = 0;
        _isAnswered = true;
        return mayHaveWaited;
    }

    /// <summary>Another driver, or none.</summary>
    public void Reset()
    {
        Known = 0;
        _pauses = 0;
        _pausesLeft = 0;
    }

    /// <summary>The guest has stopped. What waits for the rest of a batch then loses time, so from one such pause to the next it takes longer until any may wait again.</summary>
    private void Stop(long now, bool amidBatch)
    {
        Known = 0;
        if (amidBatch)
        {
            _pauses = _steady >= SteadyWindows ? 1 : Math.Clamp(_pauses * 2, 1, MostPauses);
            _pausesLeft = _pauses;
            _steady = 0;
        }

        Begin(now);
    }

    private void Begin(long now)
    {
        _windowSince = now;
        _chains = 0;
        _isAnswered = false;
    }
}
