using System.Buffers;
using VmChannel.Wire.Capture;
using Xunit;

namespace VmChannel.Wire.Tests.Fuzz;

/// <summary>Fuzz target: a capture file. Nothing may throw, and what was read can be written again and reads the same.</summary>
public static class CaptureTarget
{
    public static void Run(ReadOnlySpan<byte> input)
    {
        if (CaptureHeader.TryTake(ref input, out CaptureHeader header) != OperationStatus.Done)
        {
            return;
        }

        if (header.Name.Length <= CaptureHeader.MaxNameBytes / 3)
        {
            ArrayBufferWriter<byte> again = new();
            header.Write(again);
            ReadOnlySpan<byte> written = again.WrittenSpan;
            Assert.Equal(OperationStatus.Done, CaptureHeader.TryTake(ref written, out CaptureHeader same));
            Assert.Equal(header, same);
        }

        int before = input.Length;
        while (CaptureRecord.TryTake(ref input, out CaptureRecord record, out ReadOnlySpan<byte> payload) == OperationStatus.Done)
        {
            Assert.Equal(before - CaptureRecord.Size - payload.Length, input.Length);
            Assert.InRange(payload.Length, 0, CaptureRecord.MaxPayloadBytes);
            before = input.Length;
            if (record.Kind == CaptureKind.Gap)
            {
                _ = CaptureRecord.GapBytes(payload);
            }
        }
    }
}
