using VmChannel.Wire.VdAgent;

namespace VmChannel.Device.Services.Clipboard;

/// <summary>Who waits for the guest's data of one selection. The agent is asked for one at a time, because answers name no question.</summary>
internal sealed class FetchQueue
{
    /// <summary>Askers that may wait.</summary>
    private const int MaxWaiting = 16;

    private readonly Queue<GuestFetch> _waiting = new();

    /// <summary>What the agent was asked for and has not answered; also when nobody waits for it any more, because the answer still comes.</summary>
    public GuestFetch? Asked { get; private set; }

    public bool MayAsk => Asked is null && _waiting.Count > 0;

    /// <summary>Queues one, or fails it when too many wait.</summary>
    public void Add(GuestFetch fetch)
    {
        for (int left = _waiting.Count; left > 0; left--)
        {
            // Whoever gave up waiting is no reason to turn somebody else away.
            GuestFetch earlier = _waiting.Dequeue();
            if (!earlier.IsOver)
            {
                _waiting.Enqueue(earlier);
            }
        }

        if (_waiting.Count == MaxWaiting)
        {
            fetch.Fail(ClipboardFault.NoAnswer, $"{MaxWaiting} others wait already for what the guest's agent does not give");
            return;
        }

        _waiting.Enqueue(fetch);
    }

    /// <summary>The next to ask the agent for; those who cannot have what they want any more are told.</summary>
    /// <param name="types">What the guest offers now.</param>
    public GuestFetch? TakeNext(ClipboardTypes types)
    {
        while (Asked is null && _waiting.TryDequeue(out GuestFetch? next))
        {
            if (!types.Has(next.Type))
            {
                next.Fail(ClipboardFault.NotThere, $"the guest has no {ClipboardWords.Of(next.Type)} any more");
            }
            else if (!next.IsOver)
            {
                next.Renew();
                Asked = next;
                return next;
            }
        }

        return null;
    }

    /// <summary>The agent's answer has come. Whoever asked is completed or failed by the caller.</summary>
    public GuestFetch? TakeAsked()
    {
        GuestFetch? asked = Asked;
        Asked = null;
        return asked;
    }

    /// <summary>The guest copied anew: an answer that nobody waits for and that has not come by now never will.</summary>
    public void ForgetUnwanted()
    {
        if (Asked is { IsOver: true })
        {
            Asked = null;
        }
    }

    /// <summary>The agent has gone, or begun anew: no answer comes any more.</summary>
    public void FailAll(string reason)
    {
        FailWaiting(reason);
        Asked = null;
    }

    /// <summary>What the guest offered is gone. An answer that crossed this may still come, until the guest copies anew.</summary>
    public void FailWaiting(string reason)
    {
        Asked?.Fail(ClipboardFault.NotThere, reason);
        while (_waiting.TryDequeue(out GuestFetch? fetch))
        {
            fetch.Fail(ClipboardFault.NotThere, reason);
        }
    }
}
