using System.Buffers;
using System.Diagnostics;
using VmChannel.Native;

namespace VmChannel.Desktop.Wayland;

/// <summary>Data on its way through a pipe to or from another program, which may hang: what is silent for too long is given up.</summary>
internal static class PipeTransfer
{
    private const int BlockBytes = 64 * 1024;
    private static readonly TimeSpan Silence = TimeSpan.FromSeconds(10);

    /// <summary>Reads to the end. Null: there is nothing, or it is longer than that, or whoever has it hangs.</summary>
    public static byte[]? Read(FileDescriptor pipe, int maxBytes)
    {
        ArrayBufferWriter<byte> bytes = new();
        while (IsReady(pipe, PollEvents.In))
        {
            PosixResult read = pipe.Read(bytes.GetSpan(BlockBytes));
            if (!read.IsSuccess || read.Value > maxBytes - bytes.WrittenCount)
            {
                return null;
            }

            if (read.Value == 0)
            {
                return bytes.WrittenCount > 0 ? bytes.WrittenSpan.ToArray() : null;
            }

            bytes.Advance((int)read.Value);
        }

        return null;
    }

    /// <summary>Writes all, unless whoever pastes wants no more of it.</summary>
    public static void Write(FileDescriptor pipe, ReadOnlySpan<byte> bytes)
    {
        // Without this a write of more than there is room for would wait for ever.
        if (!pipe.SetNonBlocking(true).IsSuccess)
        {
            return;
        }

        while (!bytes.IsEmpty && IsReady(pipe, PollEvents.Out))
        {
            PosixResult written = pipe.Write(bytes[..Math.Min(bytes.Length, BlockBytes)]);
            if (!written.IsSuccess && !written.IsAgain)
            {
                return;
            }

            bytes = bytes[(written.IsAgain ? 0 : (int)written.Value)..];
        }
    }

    private static bool IsReady(FileDescriptor pipe, PollEvents wanted)
    {
        long started = Stopwatch.GetTimestamp();
        for (TimeSpan left = Silence; left > TimeSpan.Zero; left = Silence - Stopwatch.GetElapsedTime(started))
        {
            PollEntry[] entries = [new(pipe.Number, wanted)];
            PosixResult result = Poll.Wait(entries, left);
            if (!result.IsSuccess || result.Value > 0)
            {
                return result.IsSuccess;
            }
        }

        return false;
    }
}
