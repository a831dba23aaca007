using System.Buffers;
using System.Text;
using VmChannel.Device.Services.Logging;
using Xunit;

namespace VmChannel.Device.Tests.Services;

public sealed class LogLinesTests
{
    private const string Time = "2026-05-01T12:00:00.000Z";

    [Fact]
    public void Take_Lines_GetATimeEach() => Assert.Equal($"{Time} one\n{Time} two\n{Time} \n{Time} rest\n", Log("one\ntwo\r\n\nrest"u8));

    [Theory]
    [InlineData("a\tb", "a\tb")]
    [InlineData("\x1b[2Jgone", "\\u{001b}[2Jgone")]
    [InlineData("a\rb", "a\\u{000d}b")]
    [InlineData("x\u0085y", "x\\u{0085}y")]
    [InlineData("x\u2028y", "x\\u{2028}y")]
    [InlineData("x\u202ey", "x\\u{202e}y")]
    [InlineData("C:\\dir", "C:\\dir")]
    [InlineData("Grüße 😀", "Grüße 😀")]
    public void Take_WhatCouldForgeALine_IsShown(string line, string shown) => Assert.Equal($"{Time} {shown}\n", Log(Encoding.UTF8.GetBytes(line)));

    [Fact]
    public void Take_BytesThatAreNoText_AreShown() => Assert.Equal($"{Time} a\\xffb\\xc3\\u{{0000}}\n", Log([0x61, 0xFF, 0x62, 0xC3, 0x00]));

    [Fact]
    public void Take_LongLine_GoesOnInAMarkedLine()
    {
        string line = new('x', LogLines.MaxLineBytes + 5);
        Assert.Equal($"{Time} {line[..^5]}\n{Time}+xxxxx\n{Time} y\n", Log(Encoding.ASCII.GetBytes(line + "\ny")));
    }

    [Fact]
    public void Take_LineOfExactlyTheCap_IsOneLine()
    {
        string line = new('x', LogLines.MaxLineBytes);
        Assert.Equal($"{Time} {line}\n", Log(Encoding.ASCII.GetBytes(line + "\n")));
    }

    [Fact]
    public void Take_CharacterAcrossTheCap_StaysWhole()
    {
        string line = new string('x', LogLines.MaxLineBytes - 1) + "ü!";
        Assert.Equal($"{Time} {line[..^2]}\n{Time}+ü!\n", Log(Encoding.UTF8.GetBytes(line)));
    }

    [Fact]
    public void Take_ByteByByte_GivesTheSame()
    {
        byte[] bytes = Encoding.UTF8.GetBytes(new string('ü', LogLines.MaxLineBytes) + "\r\nnext\n");
        LogLines lines = new(new FixedClock());
        ArrayBufferWriter<byte> output = new();
        foreach (byte one in bytes)
        {
            Assert.Equal(1, lines.Take([one], output, int.MaxValue));
        }

        lines.Finish(output);
        Assert.Equal(Log(bytes), Encoding.UTF8.GetString(output.WrittenSpan));
    }

    [Fact]
    public void Take_OutputLimit_StopsAfterALine()
    {
        LogLines lines = new(new FixedClock());
        ArrayBufferWriter<byte> output = new();
        Assert.Equal(2, lines.Take("\n\n\n\n"u8, output, 30));
    }

    private static string Log(ReadOnlySpan<byte> bytes)
    {
        LogLines lines = new(new FixedClock());
        ArrayBufferWriter<byte> output = new();
        Assert.Equal(bytes.Length, lines.Take(bytes, output, int.MaxValue));
        lines.Finish(output);
        return Encoding.UTF8.GetString(output.WrittenSpan);
    }

    private sealed class FixedClock : TimeProvider
    {
        public override DateTimeOffset GetUtcNow() => new(2026, 5, 1, 12, 0, 0, TimeSpan.Zero);
    }
}
