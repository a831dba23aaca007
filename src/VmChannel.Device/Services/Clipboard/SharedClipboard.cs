using System.IO.Pipelines;
using VmChannel.Wire.VdAgent;

namespace VmChannel.Device.Services.Clipboard;

/// <summary>What a host and one guest share: who copied last to each selection, and the way to what was copied. Any thread.</summary>
/// <remarks>
/// Nothing is transferred before somebody wants it: the host's data waits here until the guest pastes, and the guest's data stays in the
/// guest until <see cref="GetAsync"/> asks for it; but an agent that only comes to copy something leaves it here.
/// </remarks>
internal sealed class SharedClipboard
{
    /// <summary>The longest silence of the guest's agent, and of the program that owns its clipboard, until the whole answer has come.</summary>
    public static readonly TimeSpan AnswerTime = TimeSpan.FromSeconds(60);

    internal const int Selections = 3;

    private readonly ClipboardState[] _states = [.. Enumerable.Range(0, Selections).Select(i => new ClipboardState((ClipboardSelection)i, default, default, 0))];
    private readonly ClipboardContent?[] _contents = new ClipboardContent?[Selections];
    private AgentConversation? _agent;
    private long _changes;

    public SharedClipboard(ClipboardPolicy policy) => Policy = policy;

    /// <summary>A selection changed. Called on the thread that changed it, outside all locks.</summary>
    public event Action<ClipboardSelection>? Changed;

    public ClipboardPolicy Policy { get; }

    /// <summary>Its channel has gone: nothing changes any more. <see cref="Changed"/> tells of that, too.</summary>
    public bool IsClosed { get; private set; }

    /// <summary>Guards this clipboard and the conversation that belongs to it, which change together.</summary>
    internal Lock Gate { get; } = new();

    public ClipboardState StateOf(ClipboardSelection selection)
    {
        lock (Gate)
        {
            return _states[(int)selection];
        }
    }

    /// <summary>Offers data to the guest, in place of whatever was on its clipboard.</summary>
    /// <param name="selection">Which clipboard.</param>
    /// <param name="content">Owned from here on, also after an error.</param>
    /// <exception cref="ClipboardException">The channel's options forbid it, it is too long, or no text.</exception>
    public void Offer(ClipboardSelection selection, ClipboardContent content)
    {
        try
        {
            Check(content);
        }
        catch
        {
            content.Dispose();
            throw;
        }

        lock (Gate)
        {
            if (IsClosed)
            {
                content.Dispose();
                throw new ClipboardException(ClipboardFault.NotThere, "the channel has gone");
            }

            Set(selection, ClipboardOwner.Host, content.Type.Only(), content);
            _agent?.OnHostGrab(selection);
        }

        Changed?.Invoke(selection);
    }

    /// <summary>Takes back what the host offers. False when it offers nothing.</summary>
    public bool Withdraw(ClipboardSelection selection)
    {
        lock (Gate)
        {
            if (_states[(int)selection].Owner != ClipboardOwner.Host)
            {
                return false;
            }

            Set(selection, ClipboardOwner.Nobody, ClipboardTypes.None);
            _agent?.OnHostRelease(selection);
        }

        Changed?.Invoke(selection);
        return true;
    }

    /// <summary>What was copied last, whoever did.</summary>
    /// <param name="selection">Which clipboard.</param>
    /// <param name="type">In which form; null = the first of those there are, text before images.</param>
    /// <param name="cancellation">Nobody wants it any more.</param>
    /// <returns>Held by the caller.</returns>
    /// <exception cref="ClipboardException">There is none, or it cannot be had.</exception>
    public async Task<ClipboardContent> GetAsync(ClipboardSelection selection, ClipboardType? type, CancellationToken cancellation)
    {
        GuestFetch fetch;
        lock (Gate)
        {
            ClipboardState state = _states[(int)selection];
            ClipboardType wanted = type ?? ClipboardWords.Preferred(state.Types);
            if (!state.Types.Has(wanted))
            {
                throw Missing(state, type);
            }

            if (_contents[(int)selection] is ClipboardContent content)
            {
                // The host's, or a guest's that was pushed.
                return content.Hold();
            }

            fetch = new(wanted);
            _agent!.Fetch(selection, fetch);
        }

        return await fetch.WaitAsync(AnswerTime, cancellation);
    }

    /// <summary>Sends a file to the guest, whose agent says where it goes there. Completes when all of it is there.</summary>
    /// <param name="name">What it is called.</param>
    /// <param name="bytes">How long it is.</param>
    /// <param name="input">Its bytes: read once the guest has said that it wants them.</param>
    /// <param name="cancellation">Nobody wants it any more.</param>
    /// <exception cref="ClipboardException">The channel's options forbid it, or the guest does not take it.</exception>
    public Task SendFileAsync(string name, long bytes, PipeReader input, CancellationToken cancellation)
    {
        AgentConversation agent;
        lock (Gate)
        {
            if (!Policy.ToGuest)
            {
                throw new ClipboardException(ClipboardFault.Forbidden, "direction= of the channel lets nothing pass to the guest");
            }

            agent = _agent ?? throw new ClipboardException(ClipboardFault.NoAgent, "no agent of the guest has the channel open");
            if (agent.FileRefusal is string reason)
            {
                throw new ClipboardException(ClipboardFault.NoAgent, reason);
            }
        }

        return agent.Files.SendAsync(name, bytes, input, AnswerTime, cancellation);
    }

    /// <summary>The channel goes.</summary>
    internal void Close()
    {
        lock (Gate)
        {
            IsClosed = true;
            for (ClipboardSelection selection = 0; (int)selection < Selections; selection++)
            {
                Set(selection, ClipboardOwner.Nobody, ClipboardTypes.None);
            }
        }

        Tell(ClipboardSelection.Clipboard);
    }

    internal void Attach(AgentConversation agent)
    {
        lock (Gate)
        {
            _agent = agent;
        }
    }

    /// <summary>With the agent goes what it had not given; what the host offers waits for the next.</summary>
    internal void Detach(AgentConversation agent)
    {
        List<ClipboardSelection> gone = [];
        lock (Gate)
        {
            if (_agent != agent)
            {
                return;
            }

            _agent = null;
            foreach (ClipboardState state in _states.Where(state => state.Owner == ClipboardOwner.Guest && _contents[(int)state.Selection] is null).ToArray())
            {
                Set(state.Selection, ClipboardOwner.Nobody, ClipboardTypes.None);
                gone.Add(state.Selection);
            }
        }

        gone.ForEach(Tell);
    }

    /// <summary>What the host offers; null when it offers nothing. Under <see cref="Gate"/>.</summary>
    internal ClipboardContent? HostContent(ClipboardSelection selection)
        => _states[(int)selection].Owner == ClipboardOwner.Host ? _contents[(int)selection] : null;

    /// <summary>The guest copied, or has lost what it copied (no types). Under <see cref="Gate"/>; <see cref="Tell"/> follows.</summary>
    internal void SetGuest(ClipboardSelection selection, ClipboardTypes types, bool isThere)
    {
        if (!IsClosed)
        {
            Set(selection, isThere ? ClipboardOwner.Guest : ClipboardOwner.Nobody, Policy.FromGuest ? types & Policy.Types : ClipboardTypes.None);
        }
    }

    /// <summary>The guest copied, and gave the data at once. <see cref="Tell"/> follows.</summary>
    /// <param name="selection">Which clipboard.</param>
    /// <param name="content">Owned from here on.</param>
    internal void SetPushed(ClipboardSelection selection, ClipboardContent content)
    {
        lock (Gate)
        {
            if (!IsClosed && Policy.FromGuest && Policy.Types.Has(content.Type))
            {
                Set(selection, ClipboardOwner.Guest, content.Type.Only(), content);
                return;
            }
        }

        content.Dispose();
    }

    internal ClipboardState State(ClipboardSelection selection) => _states[(int)selection];

    /// <summary>Tells of a change, outside <see cref="Gate"/>.</summary>
    internal void Tell(ClipboardSelection selection) => Changed?.Invoke(selection);

    private void Set(ClipboardSelection selection, ClipboardOwner owner, ClipboardTypes types, ClipboardContent? content = null)
    {
        _contents[(int)selection]?.Dispose();
        _contents[(int)selection] = content;
        _states[(int)selection] = new(selection, owner, types, ++_changes);
    }

    private void Check(ClipboardContent content)
    {
        string word = ClipboardWords.Of(content.Type);
        if (!Policy.ToGuest || !Policy.Types.Has(content.Type))
        {
            throw new ClipboardException(
                ClipboardFault.Forbidden, Policy.ToGuest ? $"types= of the channel has no {word}" : "direction= of the channel lets nothing pass to the guest");
        }

        if (content.Length > Policy.MaxBytes)
        {
            throw new ClipboardException(ClipboardFault.TooLong, $"{content.Length} bytes are more than max-size={Policy.MaxBytes} of the channel");
        }

        if (content.Type == ClipboardType.Utf8Text && !content.IsUtf8())
        {
            throw new ClipboardException(ClipboardFault.NotText, "the text is not UTF-8");
        }
    }

    private ClipboardException Missing(ClipboardState state, ClipboardType? asked)
    {
        string selection = ClipboardWords.Of(state.Selection);
        return state.Owner == ClipboardOwner.Guest && !Policy.FromGuest
            ? new(ClipboardFault.Forbidden, "direction= of the channel lets nothing pass from the guest")
            : state.Types == ClipboardTypes.None
                ? new(ClipboardFault.NotThere, $"{selection} is empty: nobody has copied anything that may pass")
                : new(ClipboardFault.NotThere, $"{selection} has no {ClipboardWords.Of(asked!.Value)}: there is {string.Join(", ", ClipboardWords.Of(state.Types))}");
    }
}
