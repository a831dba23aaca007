using System.Buffers.Binary;
using System.Numerics;
using System.Runtime.InteropServices;
using VmChannel.Device.Channels;
using VmChannel.Native;

namespace VmChannel.Device.Services;

/// <summary>Gives a guest endless bytes that it can check: for measuring a channel. Loop thread only.</summary>
/// <remarks>
/// The stream is the numbers 0, 1, 2, … as 64-bit little-endian words. It begins again at 0 whenever a program opens the
/// port, so that any byte lost, repeated or changed on the way shows. Bytes the guest writes are not taken.
/// </remarks>
public sealed class SourceEnd : HostEnd
{
    private const int BlockWords = 8192;

    // Pinned to no one and made once: each block is the one before it plus BlockWords, a vector addition over 64 KiB.
    private readonly byte[] _block = new byte[BlockWords * sizeof(ulong)];
    private int _given;
    private bool _isGuestOpen;

    public override string Description => "service source";

    public override long Write(ReadOnlySpan<IoVector> source) => 0;

    public override long Read(ReadOnlySpan<IoVector> destination)
    {
        if (!_isGuestOpen)
        {
            return 0;
        }

        long given = 0;
        foreach (IoVector buffer in destination)
        {
            for (long filled = 0; filled < buffer.Length;)
            {
                if (_given == _block.Length)
                {
                    Advance();
                }

                int count = IoVector.CopyIn(_block.AsSpan(_given), [buffer.Skip(filled)]);
                _given += count;
                filled += count;
            }

            given += buffer.Length;
        }

        return given;
    }

    public override void OnGuestOpen(bool isOpen)
    {
        _isGuestOpen = isOpen;
        if (isOpen)
        {
            Restart();
            Wake();
        }
    }

    protected override void OnStart() => SetOpen(true, null);

    private void Restart()
    {
        for (int word = 0; word < BlockWords; word++)
        {
            BinaryPrimitives.WriteUInt64LittleEndian(_block.AsSpan(word * sizeof(ulong)), (ulong)word);
        }

        _given = 0;
    }

    /// <summary>The next block. Words are added as the processor orders them, and every one .NET runs on here is little-endian.</summary>
    private void Advance()
    {
        Vector<ulong> step = new(BlockWords);
        foreach (ref Vector<ulong> words in MemoryMarshal.Cast<byte, Vector<ulong>>(_block.AsSpan()))
        {
            words += step;
        }

        _given = 0;
    }
}
