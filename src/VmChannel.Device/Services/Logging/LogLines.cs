using System.Buffers;
using System.Globalization;
using System.Text;

namespace VmChannel.Device.Services.Logging;

/// <summary>Turns a guest's bytes into lines of a log file that the guest cannot forge.</summary>
/// <remarks>
/// Each line is <c>2026-05-01T12:00:00.000Z TEXT</c>, the time being when its first byte was seen, in UTC. A line longer
/// than <see cref="MaxLineBytes"/> goes on in further lines that have <c>+</c> in place of the blank. A carriage return
/// before the line's end is dropped; tabs stay; bytes that are not UTF-8 become <c>\xNN</c>, and characters that could
/// move a terminal's cursor, end a line or reorder text (Unicode control, format and separator) <c>\u{NNNN}</c>.
/// </remarks>
internal sealed class LogLines(TimeProvider clock)
{
    /// <summary>Bytes of the guest that one line of the file holds at most.</summary>
    public const int MaxLineBytes = 8192;

    private const int LongestRuneBytes = 4;

    private readonly byte[] _line = new byte[MaxLineBytes];
    private int _count;
    private bool _isContinued;
    private DateTimeOffset _began;

    /// <summary>Takes bytes up to <paramref name="outputLimit"/> bytes of output, whole lines only. Returns the bytes taken.</summary>
    public int Take(ReadOnlySpan<byte> bytes, ArrayBufferWriter<byte> output, int outputLimit)
    {
        int taken = 0;
        while (taken < bytes.Length && output.WrittenCount < outputLimit)
        {
            if (_count == 0)
            {
                _began = clock.GetUtcNow();
            }

            ReadOnlySpan<byte> rest = bytes[taken..];
            int end = rest.IndexOf((byte)'\n');
            int count = Math.Min(end < 0 ? rest.Length : end, MaxLineBytes - _count);
            rest[..count].CopyTo(_line.AsSpan(_count));
            _count += count;
            taken += count;
            if (count == end)
            {
                taken++;
                Emit(output, WithoutReturn());
                _count = 0;
                _isContinued = false;
            }
            else if (_count == MaxLineBytes && taken < bytes.Length)
            {
                Split(output);
            }
        }

        return taken;
    }

    /// <summary>The guest is gone: what it left without a line end is a line too.</summary>
    public void Finish(ArrayBufferWriter<byte> output)
    {
        if (_count > 0)
        {
            Emit(output, _count);
        }

        _count = 0;
        _isContinued = false;
    }

    private int WithoutReturn() => _count > 0 && _line[_count - 1] == '\r' ? _count - 1 : _count;

    /// <summary>Writes a full buffer as one line; a character that is cut by its end goes to the next.</summary>
    private void Split(ArrayBufferWriter<byte> output)
    {
        int whole = MaxLineBytes;
        for (int back = 1; back < LongestRuneBytes; back++)
        {
            if (Rune.DecodeFromUtf8(_line.AsSpan(MaxLineBytes - back), out _, out _) == OperationStatus.NeedMoreData)
            {
                whole = MaxLineBytes - back;
            }
        }

        Emit(output, whole);
        _line.AsSpan(whole).CopyTo(_line);
        _count = MaxLineBytes - whole;
        _isContinued = true;
    }

    private void Emit(ArrayBufferWriter<byte> output, int count)
    {
        Span<byte> time = output.GetSpan(32);
        _ = _began.UtcDateTime.TryFormat(time, out int written, "yyyy-MM-ddTHH:mm:ss.fffZ", CultureInfo.InvariantCulture);
        time[written++] = (byte)(_isContinued ? '+' : ' ');
        output.Advance(written);
        SafeText.Append(_line.AsSpan(0, count), keepLineEnds: false, output);
        output.GetSpan(1)[0] = (byte)'\n';
        output.Advance(1);
    }
}
