namespace VmChannel.Guest;

/// <summary>The one read that a stream may have under way.</summary>
internal sealed class ReadOperation(OpenChannel channel) : ChannelOperation
{
    private Memory<byte> _destination;

    public ValueTask<int> RunAsync(Memory<byte> destination, CancellationToken cancellationToken)
    {
        Begin();
        _destination = destination;
        return RunAsync(cancellationToken);
    }

    public int Run(Span<byte> destination)
    {
        Begin();
        try
        {
            int count;
            while (!channel.TryRead(destination, out count))
            {
                Block();
            }

            return count;
        }
        finally
        {
            End();
        }
    }

    protected override bool TryRun(out int result) => channel.TryRead(_destination.Span, out result);

    protected override void Clear() => _destination = default;

    protected override void OnAsleep()
    {
    }

    private void Begin()
    {
        if (!TryBegin())
        {
            throw new InvalidOperationException($"{channel.Name} is being read already: one read at a time, and its result must be awaited");
        }
    }
}
