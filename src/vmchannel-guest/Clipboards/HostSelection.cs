using VmChannel.Desktop;
using VmChannel.Wire.VdAgent;

namespace VmChannel.GuestTool.Clipboards;

/// <summary>One selection as host and guest see it. Under the conversation's lock.</summary>
internal sealed class HostSelection(ClipboardSelection name)
{
    /// <summary>Programs that may wait for the host's data.</summary>
    private const int MaxWaiting = 16;

    private readonly Queue<(ClipboardType Type, IncomingValue Value)> _waiting = new();

    public ClipboardSelection Name { get; } = name;

    public GrabOrder Order { get; set; } = new();

    /// <summary>The host copied last, and the desktop offers that.</summary>
    public bool IsHosts { get; set; }

    /// <summary>The host was told of something that a program here has copied.</summary>
    public bool IsTold { get; set; }

    /// <summary>The host is to be told what is here now.</summary>
    public bool IsNews { get; set; }

    /// <summary>What the host was asked for and has not answered: one at a time, because answers name no question.</summary>
    public IncomingValue? Asked { get; private set; }

    /// <summary>Somebody wants the host's data. False: too many do.</summary>
    public bool TryWait(ClipboardType type, IncomingValue value)
    {
        if (_waiting.Count == MaxWaiting)
        {
            return false;
        }

        _waiting.Enqueue((type, value));
        return true;
    }

    /// <summary>What to ask the host for now; none when it has a question already.</summary>
    public ClipboardType AskNext()
    {
        while (Asked is null && _waiting.TryDequeue(out (ClipboardType Type, IncomingValue Value) next))
        {
            if (!next.Value.IsOver)
            {
                Asked = next.Value;
                return next.Type;
            }
        }

        return ClipboardType.None;
    }

    /// <summary>The answer begins.</summary>
    public IncomingValue? TakeAsked()
    {
        IncomingValue? asked = Asked;
        Asked = null;
        return asked;
    }

    /// <summary>The host has something else now, or nothing. An answer to what it was asked for still comes, unless nobody waits for it any more.</summary>
    public void FailWaiting()
    {
        while (_waiting.TryDequeue(out (ClipboardType Type, IncomingValue Value) next))
        {
            next.Value.End(null);
        }

        if (Asked is { IsOver: true })
        {
            Asked = null;
        }
    }

    /// <summary>The host has gone, or begun anew: no answer comes any more.</summary>
    public void FailAll()
    {
        FailWaiting();
        TakeAsked()?.End(null);
    }
}
