using System.Buffers;

namespace VmChannel.Desktop;

/// <summary>What somebody asked for, while it comes.</summary>
internal sealed class IncomingValue(int maxBytes)
{
    private readonly TaskCompletionSource<byte[]?> _value = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly ArrayBufferWriter<byte> _bytes = new();
    private long _heard = Environment.TickCount64;

    /// <summary>It comes bit by bit.</summary>
    public bool IsIncremental { get; private set; }

    /// <summary>It is there, or nobody waits for it any more.</summary>
    public bool IsOver => _value.Task.IsCompleted;

    public int Bytes => _bytes.WrittenCount;

    public void Begin() => IsIncremental = true;

    /// <summary>False: it would be too long.</summary>
    public bool TryAppend(ReadOnlySpan<byte> bytes)
    {
        Volatile.Write(ref _heard, Environment.TickCount64);
        if (bytes.Length > maxBytes - _bytes.WrittenCount)
        {
            return false;
        }

        _bytes.Write(bytes);
        return true;
    }

    public byte[] Value() => _bytes.WrittenSpan.ToArray();

    public void End(byte[]? value) => _ = _value.TrySetResult(value);

    /// <summary>Null: there is none, or nothing was heard of it for that long.</summary>
    public async Task<byte[]?> WaitAsync(TimeSpan silence)
    {
        for (TimeSpan left = silence; left > TimeSpan.Zero; left = silence - TimeSpan.FromMilliseconds(Environment.TickCount64 - Volatile.Read(ref _heard)))
        {
            if (await Task.WhenAny(_value.Task, Task.Delay(left)) == _value.Task)
            {
                return await _value.Task;
            }
        }

        End(null);
        return null;
    }
}
