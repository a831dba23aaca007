using System.Buffers;
using CsCheck;
using VmChannel.Testing;
using VmChannel.Wire.Capture;
using VmChannel.Wire.Tests.Fuzz;
using Xunit;

namespace VmChannel.Wire.Tests.Capture;

public sealed class CaptureTests
{
    private static readonly Gen<CaptureRecord> GenRecord = Gen.Select(
        Gen.ULong, Gen.Enum<CaptureDirection>(), Gen.Int[0, 300], (time, direction, length) => new CaptureRecord(time, CaptureKind.Bytes, direction, length));

    /// <summary>The bytes themselves: whoever wrote a file yesterday wants to read it tomorrow.</summary>
    [Fact]
    public void File_WithOneRecordOfEachKind_IsTheseBytes()
    {
        ArrayBufferWriter<byte> file = new();
        new CaptureHeader(4, "a.b", 0x0102030405060708).Write(file);
        new CaptureRecord(0x1122334455667788, CaptureKind.Bytes, CaptureDirection.ToGuest, 2).WriteHeader(file);
        file.Write("hi"u8);
        CaptureRecord.WriteGap(file, 1, CaptureDirection.FromGuest, 300);
        Assert.Equal(
            "564D434843415000" + "0100" + "1D00" + "04000000" + "0807060504030201" + "0300" + "612E62"
            + "8877665544332211" + "00" + "01" + "0000" + "02000000" + "6869"
            + "0100000000000000" + "01" + "00" + "0000" + "08000000" + "2C01000000000000",
            Convert.ToHexString(file.WrittenSpan));
    }

    [Fact]
    public void Records_WrittenAndReadInAnyPieces_AreTheSame()
        => Gen.Select(GenRecord.Array[0, 10], Gen.Int[1, 50]).Sample((records, piece) =>
        {
            ArrayBufferWriter<byte> file = new();
            CaptureHeader header = new(7, "org.qemu.clipboard", 42);
            header.Write(file);
            foreach (CaptureRecord record in records)
            {
                record.WriteHeader(file);
                file.GetSpan(record.Length)[..record.Length].Fill(Mark(record));
                file.Advance(record.Length);
            }

            ReadOnlySpan<byte> all = file.WrittenSpan;
            int at = 0;
            int end = 0;
            List<CaptureRecord> seen = [];
            CaptureHeader? seenHeader = null;
            while (at < all.Length)
            {
                ReadOnlySpan<byte> window = all[at..end];
                OperationStatus status;
                if (seenHeader is null)
                {
                    status = CaptureHeader.TryTake(ref window, out CaptureHeader read);
                    seenHeader = status == OperationStatus.Done ? read : null;
                }
                else
                {
                    status = CaptureRecord.TryTake(ref window, out CaptureRecord record, out ReadOnlySpan<byte> payload);
                    if (status == OperationStatus.Done)
                    {
                        seen.Add(record);
                        Assert.Equal(-1, payload.IndexOfAnyExcept(Mark(record)));
                    }
                }

                at = end - window.Length;
                Assert.NotEqual(OperationStatus.InvalidData, status);
                end = status == OperationStatus.NeedMoreData ? Math.Min(all.Length, end + piece) : end;
            }

            Assert.Equal(header, seenHeader);
            Assert.Equal(records, seen);
        });

    [Fact]
    public void Record_CutOff_NeedsMore()
    {
        ArrayBufferWriter<byte> file = new();
        new CaptureRecord(1, CaptureKind.Bytes, CaptureDirection.FromGuest, 5).WriteHeader(file);
        file.Write("hell"u8);
        for (int length = 0; length <= file.WrittenCount; length++)
        {
            ReadOnlySpan<byte> cut = file.WrittenSpan[..length];
            Assert.Equal(OperationStatus.NeedMoreData, CaptureRecord.TryTake(ref cut, out _, out _));
            Assert.Equal(length, cut.Length);
        }
    }

    [Theory]
    [InlineData("0000000000000000" + "00" + "00" + "0000" + "01001000")] // 1 MiB + 1 byte
    [InlineData("0000000000000000" + "00" + "00" + "0000" + "FFFFFFFF")]
    [InlineData("0000000000000000" + "00" + "02" + "0000" + "00000000")] // no such direction
    [InlineData("0000000000000000" + "01" + "00" + "0000" + "07000000")] // a gap is eight bytes
    public void Record_Broken_IsInvalid(string hex)
    {
        ReadOnlySpan<byte> bytes = Convert.FromHexString(hex);
        Assert.Equal(OperationStatus.InvalidData, CaptureRecord.TryTake(ref bytes, out _, out _));
    }

    [Fact]
    public void Record_OfALaterKind_IsReadOver()
    {
        ReadOnlySpan<byte> bytes = Convert.FromHexString("0000000000000000" + "09" + "00" + "0000" + "02000000" + "AAAA");
        Assert.Equal(OperationStatus.Done, CaptureRecord.TryTake(ref bytes, out CaptureRecord record, out _));
        Assert.Equal((CaptureKind)9, record.Kind);
        Assert.True(bytes.IsEmpty);
    }

    [Theory]
    [InlineData("50")] // no magic
    [InlineData("564D434843415001" + "0100" + "1A00" + "04000000" + "0000000000000000" + "0000")]
    [InlineData("564D434843415000" + "0200" + "1A00" + "04000000" + "0000000000000000" + "0000")] // version 2
    [InlineData("564D434843415000" + "0100" + "1A00" + "04000000" + "0000000000000000" + "0001")] // name longer than the header
    [InlineData("564D434843415000" + "0100" + "1900" + "04000000" + "0000000000000000" + "0000")] // shorter than itself
    [InlineData("564D434843415000" + "0100" + "FFFF" + "04000000" + "0000000000000000" + "0000")] // absurdly long
    public void Header_Broken_IsInvalid(string hex)
    {
        ReadOnlySpan<byte> bytes = Convert.FromHexString(hex);
        Assert.Equal(OperationStatus.InvalidData, CaptureHeader.TryTake(ref bytes, out _));
    }

    [Fact]
    public void Header_WithMoreThanWeKnow_IsReadOver()
    {
        ReadOnlySpan<byte> bytes = Convert.FromHexString("564D434843415000" + "0100" + "1C00" + "04000000" + "0000000000000000" + "0000" + "EEEE" + "11");
        Assert.Equal(OperationStatus.Done, CaptureHeader.TryTake(ref bytes, out CaptureHeader header));
        Assert.Equal(new CaptureHeader(4, "", 0), header);
        Assert.Equal(1, bytes.Length);
    }

    [Fact]
    public void Header_NameTooLong_IsRefused()
        => Assert.Throws<ArgumentException>(() => new CaptureHeader(1, new string('a', 256), 0).Write(new ArrayBufferWriter<byte>()));

    [Fact]
    public void Run_EveryCorpusFile_Survives() => Corpus.Replay("capture", CaptureTarget.Run);

    [Fact]
    public void Run_CorpusChanged_Survives() => Corpus.ReplayChanged("capture", CaptureTarget.Run, reach: 200, changes: (0, 6), cut: 200);

    private static byte Mark(CaptureRecord record) => (byte)(record.Length & 0xFF);
}
