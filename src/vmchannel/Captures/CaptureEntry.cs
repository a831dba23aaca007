using VmChannel.Wire.Capture;

namespace VmChannel.Cli.Captures;

/// <summary>One record of a capture.</summary>
/// <param name="Time">Since the capture began.</param>
/// <param name="Direction">Which way the bytes went.</param>
/// <param name="Bytes">What was moved; empty for a gap.</param>
/// <param name="MissedBytes">Of a gap: how many bytes are not here; otherwise 0.</param>
internal sealed record CaptureEntry(TimeSpan Time, CaptureDirection Direction, ReadOnlyMemory<byte> Bytes, ulong MissedBytes);
