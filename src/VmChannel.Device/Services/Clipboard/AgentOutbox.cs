using VmChannel.Wire.VdAgent;

namespace VmChannel.Device.Services.Clipboard;

/// <summary>What is still to be told to the guest's agent. Any thread; one taker.</summary>
/// <remarks>
/// It holds intentions and not messages, so it cannot grow: a second grab before the first is sent is the same grab, and
/// a message takes its data and its serial at the moment it is sent. Reading from the guest never waits for writing to it.
/// </remarks>
internal sealed class AgentOutbox : IDisposable
{
    /// <summary>Answers that may wait; a guest's programs ask once per paste.</summary>
    public const int MaxAnswers = 64;

    private readonly Lock _lock = new();
    private readonly SemaphoreSlim _filled = new(0);
    private readonly Queue<ClipboardRequest> _answers = new();
    private readonly Queue<CapabilitiesMessage> _announcements = new();
    private readonly MessageType[] _offers = new MessageType[SharedClipboard.Selections];
    private readonly bool[] _requests = new bool[SharedClipboard.Selections];
    private bool _limit;
    private bool _isDisposed;

    /// <summary>False: too many announcements wait already.</summary>
    public bool Announce(CapabilitiesMessage message)
    {
        lock (_lock)
        {
            if (_announcements.Count > 1)
            {
                return false;
            }

            _announcements.Enqueue(message);
            Signal();
            return true;
        }
    }

    public void SendLimit()
    {
        lock (_lock)
        {
            _limit = true;
            Signal();
        }
    }

    /// <summary>A grab or a release; the last one counts.</summary>
    public void Offer(ClipboardSelection selection, MessageType offer)
    {
        lock (_lock)
        {
            _offers[(int)selection] = offer;
            Signal();
        }
    }

    /// <summary>The guest's side copied something: what was to be offered before is out of date.</summary>
    public void ForgetOffer(ClipboardSelection selection)
    {
        lock (_lock)
        {
            _offers[(int)selection] = default;
        }
    }

    public void Request(ClipboardSelection selection)
    {
        lock (_lock)
        {
            _requests[(int)selection] = true;
            Signal();
        }
    }

    /// <summary>False: too many answers wait already, and this one is not kept.</summary>
    public bool Answer(ClipboardRequest request)
    {
        lock (_lock)
        {
            if (_answers.Count == MaxAnswers)
            {
                return false;
            }

            _answers.Enqueue(request);
            Signal();
            return true;
        }
    }

    /// <summary>Somebody else has a message for the guest.</summary>
    public void Wake()
    {
        lock (_lock)
        {
            Signal();
        }
    }

    /// <summary>Waits until there may be something to take.</summary>
    public Task WaitAsync(CancellationToken cancellation) => _filled.WaitAsync(cancellation);

    /// <summary>Takes the next intention, the oldest kind first. False when there is none.</summary>
    /// <param name="next">Its kind.</param>
    /// <param name="announcement">Of <see cref="MessageType.AnnounceCapabilities"/>.</param>
    /// <param name="about">The selection it is about, and of <see cref="MessageType.ClipboardData"/> what was asked for.</param>
    public bool TryTake(out MessageType next, out CapabilitiesMessage announcement, out ClipboardRequest about)
    {
        lock (_lock)
        {
            about = default;
            next = default;
            if (_announcements.TryDequeue(out announcement))
            {
                next = MessageType.AnnounceCapabilities;
            }
            else if (_limit)
            {
                _limit = false;
                next = MessageType.MaxClipboard;
            }
            else if (Array.FindIndex(_offers, offer => offer != default) is >= 0 and int offered)
            {
                (next, _offers[offered]) = (_offers[offered], default);
                about = new((ClipboardSelection)offered, default);
            }
            else if (Array.IndexOf(_requests, true) is >= 0 and int requested)
            {
                _requests[requested] = false;
                next = MessageType.ClipboardRequest;
                about = new((ClipboardSelection)requested, default);
            }
            else if (_answers.TryDequeue(out about))
            {
                next = MessageType.ClipboardData;
            }

            return next != default;
        }
    }

    public void Dispose()
    {
        lock (_lock)
        {
            _isDisposed = true;
            _filled.Dispose();
        }
    }

    private void Signal()
    {
        // Somebody may copy on the host at the moment the agent goes.
        if (!_isDisposed && _filled.CurrentCount == 0)
        {
            _ = _filled.Release();
        }
    }
}
