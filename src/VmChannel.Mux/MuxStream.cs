using System.Buffers;
using System.IO.Pipelines;
using System.Runtime.CompilerServices;

namespace VmChannel.Mux;

/// <summary>One stream of a session: bytes both ways, in order, each way ended by itself.</summary>
/// <remarks>
/// One caller may read while another writes. Disposing it ends what is sent, after what was written before, and stops what
/// the other end still sends; <see cref="Abort"/> ends both ways at once, and the other end sees an error.
/// </remarks>
public sealed class MuxStream : Stream
{
    private static readonly PipeOptions ReceivedOptions = new(pauseWriterThreshold: 0, resumeWriterThreshold: 0, useSynchronizationContext: false);

    /// <summary>What is written and not yet on its way; a writer waits beyond it.</summary>
    private static readonly PipeOptions WrittenOptions
        = new(pauseWriterThreshold: 64 * 1024, resumeWriterThreshold: 32 * 1024, useSynchronizationContext: false);

    private readonly MuxPipe _pipe;

    internal MuxStream(MuxOutlet outlet, uint id, bool isOurs, int receiveWindow, int sendWindow)
    {
        Received = new Pipe(ReceivedOptions);
        Written = new Pipe(WrittenOptions);
        Intake = new MuxStreamIntake(this, receiveWindow);
        Outgoing = new MuxStreamOutlet(this, outlet, isOurs, sendWindow);
        _pipe = new MuxPipe(new MuxPipeReader(this), new MuxPipeWriter(this));
        Id = id;
    }

    /// <summary>Of this stream in its session; never used twice.</summary>
    public long Id { get; }

    /// <summary>Completes when nothing more comes: the other end has ended what it sends, or the stream is over. Never faults.</summary>
    public Task InputEnded => Intake.Ended;

    /// <inheritdoc/>
    public override bool CanRead => true;

    /// <inheritdoc/>
    public override bool CanWrite => true;

    /// <inheritdoc/>
    public override bool CanSeek => false;

    /// <inheritdoc/>
    public override long Length => throw new NotSupportedException();

    /// <inheritdoc/>
    public override long Position
    {
        get => throw new NotSupportedException();
        set => throw new NotSupportedException();
    }

    internal Pipe Received { get; }

    internal Pipe Written { get; }

    /// <summary>What comes from the other end.</summary>
    internal MuxStreamIntake Intake { get; }

    /// <summary>What goes to the other end.</summary>
    internal MuxStreamOutlet Outgoing { get; }

    /// <summary>The same bytes as pipes, without a copy. Use either these or the stream's own methods for one direction.</summary>
    /// <remarks>
    /// The other end may send more when bytes are consumed: who examines more than a window of them without consuming any waits
    /// for ever. Completing the output ends what is sent; with an exception it is <see cref="Abort"/>.
    /// </remarks>
    public IDuplexPipe AsPipe() => _pipe;

    /// <summary>Nothing more is sent; the other end reads to the end of what was. What it sends still comes.</summary>
    public void EndWrites() => _pipe.Output.Complete();

    /// <summary>Ends both ways at once: what is under way may be lost, and reads at both ends fail.</summary>
    public void Abort()
    {
        Intake.End(new MuxException("the stream was aborted here"));
        Outgoing.Reset();
    }

    /// <inheritdoc/>
    /// <exception cref="MuxException">The stream was aborted, or its session ended: what came before was read.</exception>
    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        ReadResult result = await _pipe.Input.ReadAsync(cancellationToken);
        int count = (int)Math.Min(buffer.Length, result.Buffer.Length);
        ReadOnlySequence<byte> taken = result.Buffer.Slice(0, count);
        taken.CopyTo(buffer.Span);
        _pipe.Input.AdvanceTo(taken.End);
        return count;
    }

    /// <inheritdoc/>
    /// <exception cref="MuxException">The stream was aborted, or its session ended.</exception>
    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder))]
    public override async ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
    {
        FlushResult result = await _pipe.Output.WriteAsync(buffer, cancellationToken);
        if (result.IsCompleted)
        {
            throw new MuxException("the stream is over: nobody takes what is written");
        }
    }

    /// <inheritdoc/>
    public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken)
        => ReadAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    /// <inheritdoc/>
    public override Task WriteAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken)
        => WriteAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    /// <inheritdoc/>
    public override int Read(byte[] buffer, int offset, int count) => ReadAsync(buffer, offset, count).GetAwaiter().GetResult();

    /// <inheritdoc/>
    public override void Write(byte[] buffer, int offset, int count) => WriteAsync(buffer, offset, count).GetAwaiter().GetResult();

    /// <summary>Nothing to do: what is written is on its way.</summary>
    public override void Flush()
    {
    }

    /// <inheritdoc/>
    public override Task FlushAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    /// <inheritdoc/>
    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    /// <inheritdoc/>
    public override void SetLength(long value) => throw new NotSupportedException();

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            Intake.Abandon();
            EndWrites();
        }

        base.Dispose(disposing);
    }

    private sealed record MuxPipe(PipeReader Input, PipeWriter Output) : IDuplexPipe;
}
