using System.Diagnostics.CodeAnalysis;

namespace VmChannel.Device.Loop;

/// <summary>Whose turn it is: those who moved little the last time, then those who moved much. Loop thread only.</summary>
/// <remarks>
/// Between two looks at what became ready everybody light has a turn, and the heavy ones have one, or as many as move
/// <see cref="BytesPerLook"/> bytes or what the light ones may have moved. So whoever has a message now and then waits for one heavy
/// turn, whatever the number of heavy ones, and these have half of the loop's time however many others chat. Nobody is known to be heavy
/// before it was: while others wait a light turn is short, and who has more goes on as a heavy one.
/// </remarks>
internal sealed class TurnQueue
{
    /// <summary>Most bytes of a turn, in each direction: as many as a socket has room for.</summary>
    public const int MaxBytesPerTurn = 256 * 1024;

    /// <summary>Bytes that heavy ones move at least before the loop looks for others: about 15 µs.</summary>
    public const int BytesPerLook = 64 * 1024;

    /// <summary>Bytes of a turn of somebody who has moved less in the one before. Who reaches them is heavy.</summary>
    public const int LightBytes = 16 * 1024;

    /// <summary>What counts as much as a buffer, besides its bytes: in the time that one takes, so many are copied.</summary>
    public const int BytesPerBuffer = 256;

    private readonly Queue<Runnable> _light = new();
    private readonly Queue<Runnable> _heavy = new();
    private bool _isHeavyTurn;
    private int _lightTurns;
    private long _heavyBytes;

    public bool IsEmpty => _light.Count == 0 && _heavy.Count == 0;

    /// <summary>Bytes that the turn of who was taken last may move in each direction.</summary>
    public int BytesPerTurn { get; private set; } = MaxBytesPerTurn;

    public void Add(Runnable work) => (IsHeavy(work) ? _heavy : _light).Enqueue(work);

    /// <summary>The loop has looked for what became ready.</summary>
    public void OnLook()
    {
        _lightTurns = _light.Count;
        _heavyBytes = Math.Max(BytesPerLook, (long)_lightTurns * LightBytes);
    }

    /// <summary>Takes the next one.</summary>
    /// <returns>False: it is time to look.</returns>
    public bool TryTake([NotNullWhen(true)] out Runnable? work)
    {
        _isHeavyTurn = _lightTurns == 0;
        if (!_isHeavyTurn)
        {
            _lightTurns--;
            work = _light.Dequeue();
        }
        else if (_heavyBytes <= 0 || !_heavy.TryDequeue(out work))
        {
            work = null;
            return false;
        }

        BytesPerTurn = IsEmpty || _isHeavyTurn ? MaxBytesPerTurn : LightBytes;
        return true;
    }

    /// <summary>It has had its turn.</summary>
    public void OnTurn(Runnable work) => _heavyBytes -= _isHeavyTurn ? Math.Max(work.Moved, LightBytes) : 0;

    private static bool IsHeavy(Runnable work) => work.Moved >= LightBytes;
}
