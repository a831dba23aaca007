using System.Buffers;
using VmChannel.Wire;

namespace VmChannel.Cli.Run;

/// <summary>The host's side of the conversation with a throw-away guest, over any stream. One reader; many may send.</summary>
internal sealed class RunControl(Stream stream) : IDisposable
{
    private const int ReadBytes = 16 * 1024;

    private readonly SemaphoreSlim _sending = new(1, 1);
    private byte[] _received = new byte[ReadBytes];
    private int _count;

    public async Task SendAsync(RunMessage message, CancellationToken cancellationToken)
    {
        await _sending.WaitAsync(cancellationToken);
        try
        {
            await stream.WriteAsync(message.ToLine(), cancellationToken);
        }
        finally
        {
            _sending.Release();
        }
    }

    /// <summary>The guest's next message, or null when it has closed its end.</summary>
    /// <exception cref="RunException">What came is no message.</exception>
    public async Task<RunMessage?> ReceiveAsync(CancellationToken cancellationToken)
    {
        while (true)
        {
            if (TryTake(out RunMessage? message))
            {
                return message;
            }

            if (_count == _received.Length)
            {
                Array.Resize(ref _received, _received.Length * 2); // TryTake refuses what is longer than any message
            }

            int read = await stream.ReadAsync(_received.AsMemory(_count), cancellationToken);
            if (read == 0)
            {
                return null;
            }

            _count += read;
        }
    }

    /// <summary>The next message, which must be of this kind.</summary>
    /// <exception cref="RunException">The guest closed its end, or sent something else.</exception>
    public async Task<TMessage> ExpectAsync<TMessage>(CancellationToken cancellationToken)
        where TMessage : RunMessage =>
        await ReceiveAsync(cancellationToken) switch
        {
            TMessage message => message,
            null => throw new RunException("the guest ended the conversation before its time"),
            RunMessage other => throw new RunException($"the guest sent {other.GetType().Name} where {typeof(TMessage).Name} was due"),
        };

    public void Dispose()
    {
        stream.Dispose();
        _sending.Dispose();
    }

    private bool TryTake(out RunMessage? message)
    {
        ReadOnlySpan<byte> input = _received.AsSpan(0, _count);
        OperationStatus status = RunMessage.TryTake(ref input, out message, out string? reason);
        if (status == OperationStatus.InvalidData)
        {
            throw new RunException($"the guest sent what is no message: {reason}");
        }

        input.CopyTo(_received);
        _count = input.Length;
        return status == OperationStatus.Done;
    }
}
