using System.IO.Pipelines;

namespace VmChannel.Guest;

/// <summary>An open channel: a stream of bytes both ways between this program and whatever the host has at the other end.</summary>
/// <remarks>
/// Opening it tells the host so, disposing it too. One read and one write may be under way at the same time; each allocates nothing.
/// Cancelling ends a wait and loses no byte: a cancelled read has read nothing, and <see cref="BytesWritten"/> tells how far a cancelled
/// write came. What the kernel took for the host counts as written; it is delivered to the host's end that is there, or the next one.
/// No thread waits for a stream: a single one serves all streams of the process.
/// </remarks>
public sealed class ChannelStream : Stream
{
    private readonly OpenChannel _channel;

    internal ChannelStream(OpenChannel channel) => _channel = channel;

    /// <summary>Protocol name, such as <c>org.example.log</c>.</summary>
    public string Name => _channel.Name;

    /// <summary>What carries the channel.</summary>
    public ChannelTransport Transport => _channel.Info.Transport;

    /// <summary>Path of the device node, or of the socket.</summary>
    public string DevicePath => _channel.Info.DevicePath;

    /// <summary>The host's end is open. False also after the channel was unplugged, and when the stream has ended, whoever comes then.</summary>
    public bool IsHostOpen => _channel.IsHostOpen;

    /// <summary>How many times the host's end was seen to open: 0 before the first. Who needs to know that another host came compares it.</summary>
    /// <remarks>The virtio-serial driver does not count: an end that closes and opens faster than this process is scheduled is not seen.</remarks>
    public int Generation => _channel.Generation;

    /// <summary>Bytes read so far.</summary>
    public long BytesRead => _channel.BytesRead;

    /// <summary>Bytes written so far, of a write under way too.</summary>
    public long BytesWritten => _channel.BytesWritten;

    /// <summary>True until it is disposed.</summary>
    public override bool CanRead => !_channel.IsDisposed;

    /// <summary>True until it is disposed.</summary>
    public override bool CanWrite => !_channel.IsDisposed;

    /// <summary>Always false.</summary>
    public override bool CanSeek => false;

    /// <summary>Always false: cancel instead.</summary>
    public override bool CanTimeout => false;

    /// <summary>Not supported.</summary>
    /// <exception cref="NotSupportedException">Always.</exception>
    public override long Length => throw new NotSupportedException();

    /// <summary>Not supported.</summary>
    /// <exception cref="NotSupportedException">Always.</exception>
    public override long Position
    {
        get => throw new NotSupportedException();
        set => throw new NotSupportedException();
    }

    /// <summary>Waits until the host's end is open; returns at once when it is.</summary>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <exception cref="HostClosedException">The stream has ended.</exception>
    /// <exception cref="ChannelUnpluggedException">The channel is gone.</exception>
    /// <exception cref="ObjectDisposedException">The stream is disposed.</exception>
    public ValueTask WaitForHostAsync(CancellationToken cancellationToken = default) => _channel.WaitForHostAsync(cancellationToken);

    /// <inheritdoc cref="OpenChannel.WaitForEndAsync"/>
    internal ValueTask WaitForEndAsync(CancellationToken cancellationToken) => _channel.WaitForEndAsync(cancellationToken);

    /// <summary>A pipe over this stream, which stays the caller's to dispose.</summary>
    public IDuplexPipe AsPipe() => new ChannelPipe(this);

    /// <summary>Waits for the host and for bytes, and reads those that are there.</summary>
    /// <param name="buffer">Gets the bytes.</param>
    /// <param name="cancellationToken">Ends the wait; nothing has been read then.</param>
    /// <returns>How many bytes; 0 at the end of the stream (<see cref="HostCloseBehavior.EndStream"/>), or for an empty buffer.</returns>
    /// <exception cref="ChannelUnpluggedException">The channel is gone, and with it what had not been read.</exception>
    /// <exception cref="ObjectDisposedException">The stream is disposed, perhaps just now by somebody else.</exception>
    /// <exception cref="InvalidOperationException">Another read is under way.</exception>
    public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default) =>
        _channel.Reading.RunAsync(buffer, cancellationToken);

    /// <inheritdoc cref="ReadAsync(Memory{byte}, CancellationToken)"/>
    public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken)
    {
        ValidateBufferArguments(buffer, offset, count);
        return ReadAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();
    }

    /// <inheritdoc cref="ReadAsync(Memory{byte}, CancellationToken)"/>
    public override int Read(Span<byte> buffer) => _channel.Reading.Run(buffer);

    /// <inheritdoc cref="ReadAsync(Memory{byte}, CancellationToken)"/>
    public override int Read(byte[] buffer, int offset, int count)
    {
        ValidateBufferArguments(buffer, offset, count);
        return Read(buffer.AsSpan(offset, count));
    }

    /// <summary>Waits for the host and for room, until all is written.</summary>
    /// <param name="buffer">The bytes; left alone until the write is over.</param>
    /// <param name="cancellationToken">Ends the wait; <see cref="BytesWritten"/> tells how much has been written then.</param>
    /// <exception cref="HostClosedException">The stream has ended.</exception>
    /// <exception cref="ChannelUnpluggedException">The channel is gone.</exception>
    /// <exception cref="ObjectDisposedException">The stream is disposed, perhaps just now by somebody else.</exception>
    /// <exception cref="InvalidOperationException">Another write is under way.</exception>
    public override ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default) =>
        _channel.Writing.RunAsync(buffer, cancellationToken);

    /// <inheritdoc cref="WriteAsync(ReadOnlyMemory{byte}, CancellationToken)"/>
    public override Task WriteAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken)
    {
        ValidateBufferArguments(buffer, offset, count);
        return WriteAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();
    }

    /// <inheritdoc cref="WriteAsync(ReadOnlyMemory{byte}, CancellationToken)"/>
    public override void Write(ReadOnlySpan<byte> buffer) => _channel.Writing.Run(buffer);

    /// <inheritdoc cref="WriteAsync(ReadOnlyMemory{byte}, CancellationToken)"/>
    public override void Write(byte[] buffer, int offset, int count)
    {
        ValidateBufferArguments(buffer, offset, count);
        Write(buffer.AsSpan(offset, count));
    }

    /// <summary>Nothing to do: what was written is with the kernel.</summary>
    public override void Flush()
    {
    }

    /// <summary>Nothing to do: what was written is with the kernel.</summary>
    /// <param name="cancellationToken">Not used.</param>
    public override Task FlushAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    /// <summary>Not supported.</summary>
    /// <param name="offset">Not used.</param>
    /// <param name="origin">Not used.</param>
    /// <exception cref="NotSupportedException">Always.</exception>
    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    /// <summary>Not supported.</summary>
    /// <param name="value">Not used.</param>
    /// <exception cref="NotSupportedException">Always.</exception>
    public override void SetLength(long value) => throw new NotSupportedException();

    /// <summary>Closes the channel, which tells the host. Whoever waits for it gets <see cref="ObjectDisposedException"/>.</summary>
    public override ValueTask DisposeAsync() =>
        Transport == ChannelTransport.UsbSerial
            ? new(Task.Run(() => base.DisposeAsync().AsTask())) // closing waits until the adapter has taken the last bytes
            : base.DisposeAsync();

    /// <summary>Closes the channel, which tells the host. Whoever waits for it gets <see cref="ObjectDisposedException"/>.</summary>
    /// <param name="disposing">It was asked for.</param>
    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            _channel.Dispose();
        }

        base.Dispose(disposing);
    }
}
