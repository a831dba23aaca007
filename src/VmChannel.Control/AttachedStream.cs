namespace VmChannel.Control;

/// <summary>A port as a stream of bytes both ways. Disposing it leaves the port; what was written before is delivered.</summary>
/// <remarks>One caller may read while another writes.</remarks>
internal sealed class AttachedStream(AttachedPort port, IDisposable? owner) : Stream
{
    private static readonly TimeSpan LeaveTime = TimeSpan.FromSeconds(2);

    private Task<int>? _reading;
    private int _hasLeft;

    public override bool CanRead => true;

    public override bool CanWrite => true;

    public override bool CanSeek => false;

    public override long Length => throw new NotSupportedException();

    public override long Position
    {
        get => throw new NotSupportedException();
        set => throw new NotSupportedException();
    }

    public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        if (buffer.IsEmpty)
        {
            return new(0);
        }

        ValueTask<int> reading = port.ReadAsync(buffer, cancellationToken);
        if (reading.IsCompleted)
        {
            return reading;
        }

        Task<int> task = reading.AsTask();
        _reading = task;
        return new(task);
    }

    /// <exception cref="ControlException">The port has ended.</exception>
    public override async ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
    {
        if (!await port.WriteAsync(buffer, cancellationToken))
        {
            throw new ControlException($"the port takes no more: {port.EndReason ?? "the connection to the server broke"}");
        }
    }

    public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken)
        => ReadAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    public override Task WriteAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken)
        => WriteAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    public override int Read(byte[] buffer, int offset, int count) => ReadAsync(buffer, offset, count).GetAwaiter().GetResult();

    public override void Write(byte[] buffer, int offset, int count) => WriteAsync(buffer, offset, count).GetAwaiter().GetResult();

    public override void Flush()
    {
    }

    public override Task FlushAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();

    public override async ValueTask DisposeAsync()
    {
        await LeaveAsync();
        await base.DisposeAsync();
        GC.SuppressFinalize(this);
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            LeaveAsync().GetAwaiter().GetResult();
        }

        base.Dispose(disposing);
    }

    private async Task LeaveAsync()
    {
        if (Interlocked.Exchange(ref _hasLeft, 1) != 0)
        {
            return;
        }

        using CancellationTokenSource limit = new(LeaveTime);
        try
        {
            // A read that is under way sees the server's goodbye; breaking it off could lose what was written last.
            await port.LeaveAsync(limit.Token);
            await ((Task?)_reading ?? Task.CompletedTask).WaitAsync(limit.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
        catch (OperationCanceledException)
        {
            // The server does not answer.
        }

        await port.DisposeAsync();
        owner?.Dispose();
    }
}
