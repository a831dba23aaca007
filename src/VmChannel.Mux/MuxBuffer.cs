using System.Runtime.CompilerServices;

namespace VmChannel.Mux;

/// <summary>What was read of a transport and not yet understood.</summary>
internal sealed class MuxBuffer
{
    private const int Capacity = 64 * 1024;

    private readonly byte[] _bytes = new byte[Capacity];
    private int _start;
    private int _end;

    public ReadOnlySpan<byte> Unread => _bytes.AsSpan(_start, _end - _start);

    public void Take(int count) => _start += count;

    /// <summary>Reads more behind what is there; room is left as long as less than half of it is kept unread.</summary>
    /// <returns>False at the transport's end.</returns>
    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    public async ValueTask<bool> FillAsync(Stream transport, CancellationToken cancellationToken)
    {
        if (_start > 0)
        {
            Unread.CopyTo(_bytes);
            _end -= _start;
            _start = 0;
        }

        int count = await transport.ReadAsync(_bytes.AsMemory(_end), cancellationToken);
        _end += count;
        return count > 0;
    }
}
