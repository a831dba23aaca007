namespace VmChannel.Device.Loop;

/// <summary>A piece of work that the loop gives turns, round robin. Loop thread only.</summary>
/// <remarks>One turn moves a bounded number of bytes, so that one busy port cannot delay the others.</remarks>
public abstract class Runnable
{
    internal bool IsQueued { get; set; }

    internal bool IsPostponed { get; set; }

    /// <summary>Takes one turn. True when there is more to do right now: another turn follows after everybody else's.</summary>
    protected internal abstract bool Run();
}
