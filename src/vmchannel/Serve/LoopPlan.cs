namespace VmChannel.Cli.Serve;

/// <summary>How a server's loops work.</summary>
/// <param name="Most">Loops at most; the VMs are spread over them.</param>
/// <param name="Poll">How long a loop looks around at most before it sleeps; zero = it sleeps at once.</param>
internal sealed record LoopPlan(int Most, TimeSpan Poll)
{
    /// <summary>As many loops as there are processors, and no looking around.</summary>
    public static LoopPlan Default { get; } = new(Environment.ProcessorCount, TimeSpan.Zero);
}
