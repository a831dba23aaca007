namespace VmChannel.Guest;

/// <summary>The one write that a stream may have under way.</summary>
internal sealed class WriteOperation(OpenChannel channel) : ChannelOperation
{
    private ReadOnlyMemory<byte> _rest;

    public ValueTask RunAsync(ReadOnlyMemory<byte> source, CancellationToken cancellationToken)
    {
        Begin();
        _rest = source;
        return RunToEndAsync(cancellationToken);
    }

    public void Run(ReadOnlySpan<byte> source)
    {
        Begin();
        try
        {
            while (!channel.TryWrite(ref source))
            {
                Block();
            }
        }
        finally
        {
            End();
        }
    }

    protected override bool TryRun(out int result)
    {
        result = 0;
        ReadOnlySpan<byte> rest = _rest.Span;
        try
        {
            return channel.TryWrite(ref rest);
        }
        finally
        {
            _rest = _rest[^rest.Length..];
        }
    }

    protected override void Clear() => _rest = default;

    protected override void OnAsleep() => channel.OnWriterAsleep();

    private void Begin()
    {
        if (!TryBegin())
        {
            throw new InvalidOperationException($"{channel.Name} is being written already: one write at a time, and its result must be awaited");
        }
    }
}
