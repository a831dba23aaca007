using System.Buffers;
using System.Text;
using VmChannel.Testing;
using VmChannel.Wire.X11;
using Xunit;

namespace VmChannel.Wire.Tests.X11;

public sealed class ServerMessageTests
{
    private static byte[] Seed(string name) => Corpus.File("x11", name)[1..];

    [Fact]
    public void TryTake_ReplyThatIsNotWholeYet_LeavesTheInput()
    {
        byte[] reply = Seed("get-property-reply");
        ReadOnlySpan<byte> input = reply.AsSpan(0, reply.Length - 1);
        Assert.Equal(OperationStatus.NeedMoreData, ServerMessage.TryTake(ref input, 4096, out _));
        Assert.Equal(reply.Length - 1, input.Length);
        input = reply;
        Assert.Equal(OperationStatus.Done, ServerMessage.TryTake(ref input, 4096, out ServerMessage message));
        Assert.True(message.IsReply);
        Assert.Equal(new PropertyReply(31, 0, 5), PropertyReply.Read(message.Bytes));
        Assert.Equal("hello", Encoding.UTF8.GetString(message.Bytes.Slice(ServerMessage.Size, 5)));
    }

    [Fact]
    public void TryTake_ReplyOf16GiB_IsRefused()
    {
        byte[] reply = Seed("get-property-reply");
        reply.AsSpan(4, 4).Fill(0xFF);
        ReadOnlySpan<byte> input = reply;
        Assert.Equal(OperationStatus.InvalidData, ServerMessage.TryTake(ref input, 4096, out _));
    }

    [Fact]
    public void Read_ReplyThatClaimsMoreThanItHas_GivesWhatThereIs()
    {
        byte[] reply = Seed("get-property-reply");
        reply.AsSpan(16, 4).Fill(0xFF);
        Assert.Equal(8, PropertyReply.Read(reply).ValueBytes);
    }

    [Fact]
    public void TryRead_Welcome_HasNumbersAndRoot()
    {
        Assert.True(ConnectionSetup.TryRead(Seed("welcome"), out ConnectionSetup setup, out _));
        Assert.Equal(new(0x00200000, 0x001FFFFF, 65535 * 4, 0x4A1), setup);
    }

    [Fact]
    public void TryRead_Refusal_SaysWhyInTheServersWords()
    {
        Assert.False(ConnectionSetup.TryRead(Seed("refusal"), out _, out string reason));
        Assert.Equal("No protocol specified", reason);
    }

    [Theory]
    [InlineData("host", 7, "AAAAAAAAAAAAAAAA")]
    [InlineData("elsewhere", 3, "BBBBBBBBBBBBBBBB")]
    [InlineData("host", 8, "")]
    public void Find_Cookie_IsOfThisHostAndDisplay(string host, int number, string cookie)
        => Assert.Equal(cookie, Encoding.ASCII.GetString(DisplayCookie.Find(Seed("xauthority"), host, number)));
}
