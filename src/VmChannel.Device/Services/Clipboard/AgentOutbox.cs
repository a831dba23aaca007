using VmChannel.Wire.VdAgent;

namespace VmChannel.Device.Services.Clipboard;

/// <summary>What is still to be told to the guest's agent. Any thread; one taker.</summary>
/// <remarks>
/// It holds intentions and not messages, so it cannot grow: a second grab before the first is sent is the same grab, and
/// a message takes its text and its serial at the moment it is sent. Reading from the guest never waits for writing to it.
/// </remarks>
internal sealed class AgentOutbox : IDisposable
{
    /// <summary>Answers that may wait; a guest's programs ask once per paste.</summary>
    public const int MaxAnswers = 64;

    private readonly Lock _lock = new();
    private readonly SemaphoreSlim _filled = new(0);
    private readonly Queue<ClipboardRequest> _answers = new();
    private readonly Queue<CapabilitiesMessage> _announcements = new();
    private bool _limit;
    private bool _grab;
    private bool _request;

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

    public void SendLimit() => Set(ref _limit);

    public void Grab() => Set(ref _grab);

    public void Request() => Set(ref _request);

    /// <summary>The guest's side copied something: what was to be asked or offered before is out of date.</summary>
    public void ForgetGrab()
    {
        lock (_lock)
        {
            _grab = false;
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

    /// <summary>Waits until there may be something to take.</summary>
    public Task WaitAsync(CancellationToken cancellation) => _filled.WaitAsync(cancellation);

    /// <summary>Takes the next intention, the oldest kind first. False when there is none.</summary>
    public bool TryTake(out MessageType next, out CapabilitiesMessage announcement, out ClipboardRequest answer)
    {
        lock (_lock)
        {
            answer = default;
            next = default;
            if (_announcements.TryDequeue(out announcement))
            {
                next = MessageType.AnnounceCapabilities;
            }
            else if (Clear(ref _limit))
            {
                next = MessageType.MaxClipboard;
            }
            else if (Clear(ref _grab))
            {
                next = MessageType.ClipboardGrab;
            }
            else if (Clear(ref _request))
            {
                next = MessageType.ClipboardRequest;
            }
            else if (_answers.TryDequeue(out answer))
            {
                next = MessageType.ClipboardData;
            }

            return next != default;
        }
    }

    public void Dispose() => _filled.Dispose();

    private static bool Clear(ref bool flag)
    {
        bool was = flag;
        flag = false;
        return was;
    }

    private void Set(ref bool flag)
    {
        lock (_lock)
        {
            flag = true;
            Signal();
        }
    }

    private void Signal()
    {
        if (_filled.CurrentCount == 0)
        {
            _filled.Release();
        }
    }
}
