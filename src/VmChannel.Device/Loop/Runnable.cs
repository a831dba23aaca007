namespace VmChannel.Device.Loop;

/// <summary>A piece of work that the loop gives turns (<see cref="TurnQueue"/>). Loop thread only.</summary>
/// <remarks>One turn moves a bounded number of bytes, so that one busy port cannot delay the others.</remarks>
public abstract class Runnable
{
    internal bool IsQueued { get; set; }

    internal bool IsPostponed { get; set; }

    internal bool IsPolled { get; set; }

    /// <summary>Bytes that its last turn moved, as far as it tells: whoever moves little goes before who moves much.</summary>
    internal long Moved { get; set; }

    /// <summary>Takes one turn. True when there is more to do right now: another turn follows after everybody else's.</summary>
    protected internal abstract bool Run();

    /// <summary>After <see cref="DeviceLoop.TryPoll"/>, often: what it waits for is there. Costs next to nothing.</summary>
    protected internal virtual bool HasWork() => false;

    /// <summary>After <see cref="DeviceLoop.TryPoll"/>: nobody looks any more, so it asks for a notification. False when there is something by now.</summary>
    protected internal virtual bool AskToBeTold() => true;
}
