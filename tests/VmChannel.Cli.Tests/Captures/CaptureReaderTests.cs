using System.Buffers;
using VmChannel.Cli.Captures;
using VmChannel.Wire.Capture;
using Xunit;

namespace VmChannel.Cli.Tests.Captures;

public sealed class CaptureReaderTests
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Read_RecordLargerThanTheBuffer_IsWhole()
    {
        byte[] payload = [.. Enumerable.Range(0, CaptureRecord.MaxPayloadBytes).Select(i => (byte)(i * 31L % 251))];
        ArrayBufferWriter<byte> file = Begin();
        new CaptureRecord(1000, CaptureKind.Bytes, CaptureDirection.FromGuest, payload.Length).WriteHeader(file);
        file.Write(payload);
        CaptureRecord.WriteGap(file, 2_000_000, CaptureDirection.ToGuest, 77);

        await using CaptureReader reader = await OpenAsync(file.WrittenSpan.ToArray());
        CaptureEntry large = (await reader.ReadAsync(Cancellation))!;
        CaptureEntry gap = (await reader.ReadAsync(Cancellation))!;

        Assert.Equal(payload, large.Bytes.ToArray());
        Assert.Equal((77ul, TimeSpan.FromMilliseconds(2), CaptureDirection.ToGuest), (gap.MissedBytes, gap.Time, gap.Direction));
        Assert.Null(await reader.ReadAsync(Cancellation));
        Assert.False(reader.IsCutOff);
    }

    [Fact]
    public async Task Read_LastRecordCutOff_EndsAndSaysSo()
    {
        ArrayBufferWriter<byte> file = Begin();
        new CaptureRecord(1000, CaptureKind.Bytes, CaptureDirection.FromGuest, 10).WriteHeader(file);
        file.Write("half"u8);

        await using CaptureReader reader = await OpenAsync(file.WrittenSpan.ToArray());

        Assert.Null(await reader.ReadAsync(Cancellation));
        Assert.True(reader.IsCutOff);
    }

    [Fact]
    public async Task Read_KindThatIsNotKnown_IsSkipped()
    {
        ArrayBufferWriter<byte> file = Begin();
        new CaptureRecord(1000, (CaptureKind)9, CaptureDirection.FromGuest, 3).WriteHeader(file);
        file.Write("???"u8);
        new CaptureRecord(1000, CaptureKind.Bytes, CaptureDirection.FromGuest, 2).WriteHeader(file);
        file.Write("ok"u8);

        await using CaptureReader reader = await OpenAsync(file.WrittenSpan.ToArray());

        Assert.Equal("ok"u8.ToArray(), (await reader.ReadAsync(Cancellation))!.Bytes.ToArray());
    }

    [Theory]
    [InlineData("not a capture at all, but long enough to have been one")]
    [InlineData("short")]
    [InlineData("")]
    public async Task Open_SomethingElse_IsRefusedByName(string text)
    {
        IOException refused = await Assert.ThrowsAsync<IOException>(() => OpenAsync(System.Text.Encoding.ASCII.GetBytes(text)));

        Assert.StartsWith("x.cap: this is not a capture", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Read_Garbage_SaysThatTheFileIsDamaged()
    {
        ArrayBufferWriter<byte> file = Begin();
        file.Write(Enumerable.Repeat((byte)0xff, 64).ToArray());

        await using CaptureReader reader = await OpenAsync(file.WrittenSpan.ToArray());

        IOException damaged = await Assert.ThrowsAsync<IOException>(() => reader.ReadAsync(Cancellation).AsTask());
        Assert.Contains("damaged", damaged.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Text_OfACapture_IsALineAndADumpForEachRecord()
    {
        ArrayBufferWriter<byte> file = Begin();
        new CaptureRecord(1_500_000, CaptureKind.Bytes, CaptureDirection.FromGuest, 18).WriteHeader(file);
        file.Write("hello\n\u001b[2J 0123456"u8);
        CaptureRecord.WriteGap(file, 2_000_000_000, CaptureDirection.ToGuest, 77);
        await using CaptureReader reader = await OpenAsync(file.WrittenSpan.ToArray());

        string text = CaptureText.Header(reader.Header)
            + CaptureText.Entry((await reader.ReadAsync(Cancellation))!) + CaptureText.Entry((await reader.ReadAsync(Cancellation))!);

        Assert.Equal(
            """
            port 4 (org.example), begun 2026-11-23 03:04:05.000 UTC
                 0.001500  from guest  18 bytes
                000000  68 65 6c 6c 6f 0a 1b 5b  32 4a 20 30 31 32 33 34  |hello..[2J 01234|
                000010  35 36                                             |56|
                 2.000000  to guest    77 bytes are missing

            """,
            text);
    }

    private static ArrayBufferWriter<byte> Begin()
    {
        ArrayBufferWriter<byte> file = new();
        new CaptureHeader(4, "org.example", new DateTimeOffset(2026, 11, 23, 3, 4, 5, TimeSpan.Zero).ToUnixTimeMilliseconds() * 1_000_000).Write(file);
        return file;
    }

    private static Task<CaptureReader> OpenAsync(byte[] file) => CaptureReader.OpenAsync(new MemoryStream(file), "x.cap", null, Cancellation);
}
