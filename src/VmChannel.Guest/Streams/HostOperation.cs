namespace VmChannel.Guest;

/// <summary>A wait for the host's end to be open.</summary>
internal sealed class HostOperation(OpenChannel channel) : ChannelOperation
{
    /// <summary>Takes it for one wait. False: it is in use.</summary>
    public bool TryTake() => TryBegin();

    /// <summary>Waits, after <see cref="TryTake"/>.</summary>
    public ValueTask WaitAsync(CancellationToken cancellationToken) => RunToEndAsync(cancellationToken);

    protected override bool TryRun(out int result)
    {
        result = 0;
        return channel.TryFindHost();
    }

    protected override void Clear()
    {
    }

    protected override void OnAsleep()
    {
    }
}
