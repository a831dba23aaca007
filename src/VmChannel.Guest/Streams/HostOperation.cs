namespace VmChannel.Guest;

/// <summary>A wait for the host's end to be open, or for the stream to have ended with it.</summary>
internal sealed class HostOperation(OpenChannel channel, bool awaitsEnd = false) : ChannelOperation
{
    public bool AwaitsEnd => awaitsEnd;

    /// <summary>Takes it for one wait. False: it is in use.</summary>
    public bool TryTake() => TryBegin();

    /// <summary>Waits, after <see cref="TryTake"/>.</summary>
    public ValueTask WaitAsync(CancellationToken cancellationToken) => RunToEndAsync(cancellationToken);

    protected override bool TryRun(out int result)
    {
        result = 0;
        return awaitsEnd ? channel.TryFindEnd() : channel.TryFindHost();
    }

    protected override void Clear()
    {
    }

    protected override void OnAsleep()
    {
    }
}
