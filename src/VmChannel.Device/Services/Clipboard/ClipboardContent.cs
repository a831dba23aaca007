using System.Text.Unicode;
using Microsoft.Win32.SafeHandles;
using VmChannel.Native;
using VmChannel.Wire.VdAgent;

namespace VmChannel.Device.Services.Clipboard;

/// <summary>What was copied, in one form: bytes in an anonymous file, so that there is one copy of them, however many read it, and none in the heap.</summary>
/// <remarks>
/// Filled by one writer; then any thread may read, and nothing changes any more. Whoever keeps it holds it (<see cref="Hold"/>), and
/// the memory is given back when the last holder disposes it.
/// </remarks>
internal sealed class ClipboardContent(ClipboardType type) : IDisposable
{
    private const int BlockBytes = 64 * 1024;

    private SafeFileHandle? _file;
    private int _holders = 1;

    public ClipboardType Type { get; } = type;

    public int Length { get; private set; }

    /// <summary>A text.</summary>
    public static ClipboardContent Of(ReadOnlySpan<byte> utf8)
    {
        ClipboardContent content = new(ClipboardType.Utf8Text);
        content.Append(utf8);
        return content;
    }

    /// <exception cref="IOException">The system has no memory for it.</exception>
    public void Append(ReadOnlySpan<byte> bytes)
    {
        RandomAccess.Write(_file ??= CreateFile(), bytes, Length);
        Length = checked(Length + bytes.Length);
    }

    /// <summary>Reads from an offset on. Returns the bytes read, 0 at the end.</summary>
    public int Read(Span<byte> destination, int offset)
    {
        int count = Math.Min(destination.Length, Length - offset);
        return count <= 0 ? 0 : RandomAccess.Read(_file!, destination[..count], offset);
    }

    /// <summary>Agents of Windows end texts with NULs, which are no part of them.</summary>
    public void TrimNuls()
    {
        byte[] block = new byte[Math.Min(BlockBytes, Length)];
        while (Length > 0)
        {
            int start = Math.Max(0, Length - block.Length);
            int count = Read(block.AsSpan(0, Length - start), start);
            int last = block.AsSpan(0, count).LastIndexOfAnyExcept((byte)0);
            Length = start + last + 1;
            if (last >= 0)
            {
                return;
            }
        }
    }

    /// <summary>All of it is UTF-8.</summary>
    public bool IsUtf8() => RuneBlocks().All(block => Utf8.IsValid(block.Span));

    /// <summary>All of it in blocks none of which ends within a character. Each is valid until the next.</summary>
    public IEnumerable<ReadOnlyMemory<byte>> RuneBlocks()
    {
        byte[] buffer = new byte[BlockBytes];
        int at = 0;
        for (int count = Read(buffer, at); count > 0; count = Read(buffer, at))
        {
            int whole = at + count == Length ? count : Math.Max(1, LastRune(buffer.AsSpan(0, count)));
            yield return buffer.AsMemory(0, whole);
            at += whole;
        }
    }

    /// <summary>For somebody else who keeps it, and disposes it.</summary>
    public ClipboardContent Hold()
    {
        _ = Interlocked.Increment(ref _holders);
        return this;
    }

    public void Dispose()
    {
        if (Interlocked.Decrement(ref _holders) == 0)
        {
            _file?.Dispose();
        }
    }

    private static SafeFileHandle CreateFile()
    {
        using FileDescriptor file = MappedRegion.CreateFile("clipboard", 0);
        SafeFileHandle handle = new(file.Number, ownsHandle: true);
        file.SetHandleAsInvalid();
        return handle;
    }

    /// <summary>Where the last character begins; the end when there is none within the longest.</summary>
    internal static int LastRune(ReadOnlySpan<byte> block)
    {
        const int LongestRune = 4;
        for (int at = block.Length - 1; at >= 0 && at >= block.Length - LongestRune; at--)
        {
            if ((block[at] & 0xC0) != 0x80)
            {
                return at;
            }
        }

        return block.Length;
    }
}
