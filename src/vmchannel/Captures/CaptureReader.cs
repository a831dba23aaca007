using System.Buffers;
using VmChannel.Wire.Capture;

namespace VmChannel.Cli.Captures;

/// <summary>Reads a capture, from a file or as it grows.</summary>
internal sealed class CaptureReader : IAsyncDisposable
{
    private const int FirstBufferBytes = 64 * 1024;
    private const int MostBufferBytes = CaptureRecord.Size + CaptureRecord.MaxPayloadBytes;
    private const long NanosecondsPerTick = TimeSpan.NanosecondsPerTick;

    private readonly Stream _source;
    private readonly Func<ReadOnlyMemory<byte>, bool>? _keep;
    private readonly string _name;
    private byte[] _buffer = new byte[FirstBufferBytes];
    private int _begin;
    private int _end;

    private CaptureReader(Stream source, string name, Func<ReadOnlyMemory<byte>, bool>? keep)
    {
        _source = source;
        _name = name;
        _keep = keep;
    }

    /// <summary>What was captured, and when.</summary>
    public CaptureHeader Header { get; private set; }

    /// <summary>The end came within a record, as when a recording was killed.</summary>
    public bool IsCutOff { get; private set; }

    /// <summary>Reads the header.</summary>
    /// <param name="source">Owned from here on.</param>
    /// <param name="name">Of the file, for messages.</param>
    /// <param name="keep">Gets all that is read, as it is; false, once it wants no more, cancels the reading. Null = nobody keeps it.</param>
    /// <param name="cancellationToken">Ends the waiting.</param>
    /// <exception cref="IOException">It is no capture.</exception>
    public static async Task<CaptureReader> OpenAsync(Stream source, string name, Func<ReadOnlyMemory<byte>, bool>? keep, CancellationToken cancellationToken)
    {
        CaptureReader reader = new(source, name, keep);
        try
        {
            while (!reader.TryTakeHeader())
            {
                if (!await reader.FillAsync(cancellationToken))
                {
                    throw new IOException($"{name}: this is not a capture: it ends within the header");
                }
            }

            return reader;
        }
        catch
        {
            await reader.DisposeAsync();
            throw;
        }
    }

    /// <summary>The next record; null at the end.</summary>
    /// <exception cref="IOException">What follows is no record.</exception>
    public async ValueTask<CaptureEntry?> ReadAsync(CancellationToken cancellationToken)
    {
        while (true)
        {
            if (TryTake(out CaptureEntry? entry))
            {
                if (entry is not null)
                {
                    return entry;
                }
            }
            else if (!await FillAsync(cancellationToken))
            {
                IsCutOff = _end > _begin;
                return null;
            }
        }
    }

    public ValueTask DisposeAsync() => _source.DisposeAsync();

    private bool TryTakeHeader()
    {
        ReadOnlySpan<byte> input = _buffer.AsSpan(_begin, _end - _begin);
        OperationStatus status = CaptureHeader.TryTake(ref input, out CaptureHeader header);
        Header = header;
        _begin = _end - input.Length;
        return status switch
        {
            OperationStatus.Done => true,
            OperationStatus.NeedMoreData => false,
            _ => throw new IOException($"{_name}: this is not a capture, or one of a later version"),
        };
    }

    /// <summary>Takes a record. True with a null: one of a kind that is not known.</summary>
    private bool TryTake(out CaptureEntry? entry)
    {
        ReadOnlySpan<byte> input = _buffer.AsSpan(_begin, _end - _begin);
        OperationStatus status = CaptureRecord.TryTake(ref input, out CaptureRecord record, out ReadOnlySpan<byte> payload);
        if (status == OperationStatus.InvalidData)
        {
            throw new IOException($"{_name}: it is damaged: what follows the last record is no record");
        }

        entry = status != OperationStatus.Done ? null : record.Kind switch
        {
            CaptureKind.Bytes => new(TimeOf(record), record.Direction, payload.ToArray(), 0),
            CaptureKind.Gap => new(TimeOf(record), record.Direction, default, CaptureRecord.GapBytes(payload)),
            _ => null,
        };
        _begin = _end - input.Length;
        return status == OperationStatus.Done;
    }

    private static TimeSpan TimeOf(CaptureRecord record) => TimeSpan.FromTicks((long)(record.Nanoseconds / NanosecondsPerTick));

    /// <summary>Reads more. False at the end.</summary>
    private async ValueTask<bool> FillAsync(CancellationToken cancellationToken)
    {
        _buffer.AsSpan(_begin, _end - _begin).CopyTo(_buffer);
        _end -= _begin;
        _begin = 0;
        if (_end == _buffer.Length)
        {
            // A record that does not fit: none is longer than this.
            Array.Resize(ref _buffer, Math.Min(MostBufferBytes, _buffer.Length * 2));
        }

        int count = await _source.ReadAsync(_buffer.AsMemory(_end), cancellationToken);
        if (_keep?.Invoke(_buffer.AsMemory(_end, count)) == false)
        {
            throw new OperationCanceledException("nobody wants the rest");
        }

        _end += count;
        return count > 0;
    }
}
