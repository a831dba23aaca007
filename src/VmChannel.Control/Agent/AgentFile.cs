namespace VmChannel.Control.Agent;

/// <summary>A file that the agent has open, a block at a time.</summary>
/// <remarks>One block of memory, however long the file is.</remarks>
internal sealed class AgentFile(GuestAgent agent, long handle, AgentFileAccess access) : Stream
{
    /// <summary>Measured (docs/agent.md): smaller blocks wait for the agent, larger ones win nothing.</summary>
    private const int BlockBytes = 768 * 1024;

    private const int MaxAnswerBytes = (BlockBytes / 3 * 4) + 4096;

    /// <summary>Who gave up is not kept waiting for long.</summary>
    private static readonly TimeSpan CloseTime = TimeSpan.FromSeconds(2);

    private readonly byte[] _block = new byte[BlockBytes];
    private int _start;
    private int _end;
    private bool _isOver;
    private bool _isClosed;
    private bool _isAbandoned;

    public override bool CanRead => access == AgentFileAccess.Read;

    public override bool CanWrite => access != AgentFileAccess.Read;

    public override bool CanSeek => false;

    public override long Length => throw new NotSupportedException();

    public override long Position
    {
        get => throw new NotSupportedException();
        set => throw new NotSupportedException();
    }

    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        if (buffer.IsEmpty)
        {
            return 0;
        }

        // A read that finds nothing and is not the end (a pipe, a device) is tried again.
        while (_start == _end && !_isOver)
        {
            FileBlock block = await RunAsync("guest-file-read", (request, id) => request.Write("guest-file-read", json =>
            {
                json.WriteNumber("handle"u8, handle);
                json.WriteNumber("count"u8, BlockBytes);
            }, id), _block, cancellationToken);
            (_start, _end, _isOver) = (0, block.Count, block.IsEnd);
        }

        int count = Math.Min(buffer.Length, _end - _start);
        _block.AsMemory(_start, count).CopyTo(buffer);
        _start += count;
        return count;
    }

    public override async ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
    {
        while (!buffer.IsEmpty)
        {
            int count = Math.Min(buffer.Length, BlockBytes - _end);
            buffer[..count].CopyTo(_block.AsMemory(_end));
            _end += count;
            buffer = buffer[count..];
            if (_end == BlockBytes)
            {
                await SendAsync(cancellationToken);
            }
        }
    }

    public override async Task FlushAsync(CancellationToken cancellationToken)
    {
        if (CanWrite && !_isClosed)
        {
            await SendAsync(cancellationToken);
            await CommandAsync("guest-file-flush", cancellationToken);
        }
    }

    public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken)
        => ReadAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    public override Task WriteAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken)
        => WriteAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    public override int Read(byte[] buffer, int offset, int count) => ReadAsync(buffer, offset, count).GetAwaiter().GetResult();

    public override void Write(byte[] buffer, int offset, int count) => WriteAsync(buffer, offset, count).GetAwaiter().GetResult();

    public override void Flush() => FlushAsync(CancellationToken.None).GetAwaiter().GetResult();

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();

    public override async ValueTask DisposeAsync()
    {
        await CloseAsync();
        await base.DisposeAsync();
        GC.SuppressFinalize(this);
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            CloseAsync().GetAwaiter().GetResult();
        }

        base.Dispose(disposing);
    }

    private async Task SendAsync(CancellationToken cancellationToken)
    {
        while (_start < _end)
        {
            ReadOnlyMemory<byte> left = _block.AsMemory(_start, _end - _start);
            FileBlock block = await RunAsync(
                "guest-file-write", (request, id) => request.WriteBlock(handle, left.Span, id), Memory<byte>.Empty, cancellationToken);
            _start += block.Count > 0 && block.Count <= left.Length ? block.Count : throw AgentValue.Unexpected("a number of bytes written");
        }

        (_start, _end) = (0, 0);
    }

    private async Task CloseAsync()
    {
        if (_isClosed)
        {
            return;
        }

        if (_isAbandoned)
        {
            await ReleaseAsync();
            return;
        }

        try
        {
            if (CanWrite)
            {
                await SendAsync(CancellationToken.None);
            }

            await CommandAsync("guest-file-close", CancellationToken.None);
        }
        finally
        {
            _isClosed = true;
        }
    }

    /// <summary>The agent would keep the file open for as long as it runs.</summary>
    private async Task ReleaseAsync()
    {
        _isClosed = true;
        using CancellationTokenSource limit = new(CloseTime);
        try
        {
            _ = await CommandAsync("guest-file-close", limit.Token);
        }
        catch (Exception e) when (e is IOException or OperationCanceledException)
        {
            // Nobody waits for it any more.
        }
    }

    private Task<int> CommandAsync(string command, CancellationToken cancellationToken)
        => GuardAsync(agent.Link.RunAsync(
            command, json => json.WriteNumber("handle"u8, handle), MaxAnswerBytes, agent.Timeout, _ => 0, cancellationToken));

    private Task<FileBlock> RunAsync(string command, Action<AgentRequest, long?> write, Memory<byte> destination, CancellationToken cancellationToken)
        => GuardAsync(agent.Link.RunAsync(
            command, write, MaxAnswerBytes, agent.Timeout,
            value => FileBlock.TryRead(value.Span, destination.Span, out FileBlock block) ? block : throw AgentValue.Unexpected("a block of a file"),
            cancellationToken));

    /// <summary>After a failure the agent may have started anew: it knows the file no more, and nobody waits for it to close that.</summary>
    private async Task<T> GuardAsync<T>(Task<T> command)
    {
        try
        {
            return await command;
        }
        catch (OperationCanceledException)
        {
            _isAbandoned = true;
            throw;
        }
        catch (Exception e) when (e is not AgentException { ErrorClass: not null })
        {
            _isClosed = true;
            throw;
        }
    }
}
