using System.Buffers;
using System.Text;
using CsCheck;
using Xunit;

namespace VmChannel.Wire.Tests;

public sealed class RunMessageTests
{
    private static readonly Gen<string> Text = Gen.String[Gen.Char["ab /\"\\\n\té€=\u0001"], 0, 6];

    private static readonly Gen<RunMessage> Message = Gen.OneOf(
        Gen.Const<RunMessage>(new RunReady()),
        Gen.Int[1, 64].Select(signal => (RunMessage)new RunSignal(signal)),
        Gen.Select(Gen.Int[0, 255], Text, (code, error) => (RunMessage)new RunExit(code, error.Length == 0 ? null : error)));

    [Theory]
    [InlineData("""{"type":"ready"}""")]
    [InlineData("""{"type":"signal","signal":2}""")]
    [InlineData("""{"type":"resize","columns":132,"rows":43}""")]
    [InlineData("""{"type":"exit","code":130}""")]
    [InlineData("""{"type":"exit","code":127,"error":"make: not found"}""")]
    public void ToLine_AfterTake_IsTheSameLine(string line)
    {
        RunMessage message = Take(line);
        Assert.Equal(line + "\n", Encoding.UTF8.GetString(message.ToLine()));
    }

    [Fact]
    public void TryTake_RunLine_YieldsEveryField()
    {
        RunCommand command = Assert.IsType<RunCommand>(Take(
            """{"type":"run","argv":["make","a b"],"env":{"PATH":"/bin","E":""},"cwd":"/src","tty":true,"uid":1000,"gid":100,"ports":["org.qemu.clipboard"]}"""));
        Assert.Equal(["make", "a b"], command.Argv);
        Assert.Equal("/bin", command.Env["PATH"]);
        Assert.Equal("", command.Env["E"]);
        Assert.Equal("/src", command.Cwd);
        Assert.True(command.Tty);
        Assert.Equal(1000u, command.Uid);
        Assert.Equal(100u, command.Gid);
        Assert.Equal(["org.qemu.clipboard"], command.Ports);
    }

    [Fact]
    public void TryTake_ShortestRunLine_HasDefaults()
    {
        RunCommand command = Assert.IsType<RunCommand>(Take("""{"type":"run"}"""));
        Assert.Empty(command.Argv);
        Assert.Empty(command.Env);
        Assert.Equal("/", command.Cwd);
        Assert.False(command.Tty);
        Assert.Equal(0u, command.Uid);
        Assert.Empty(command.Ports);
    }

    [Theory]
    [InlineData("""{"code":1,"type":"exit"}""")]
    [InlineData("""{"type":"exit","code":1,"later":{"x":[1]}}""")]
    public void TryTake_OtherOrderOrUnknownMember_IsUnderstood(string line) => Assert.Equal(new RunExit(1), Take(line));

    [Theory]
    [InlineData("")]
    [InlineData("null")]
    [InlineData("[]")]
    [InlineData("{}")]
    [InlineData("""{"type":"dance"}""")]
    [InlineData("""{"type":1}""")]
    [InlineData("""{"type":"exit"}""")]
    [InlineData("""{"type":"exit","code":256}""")]
    [InlineData("""{"type":"exit","code":-1}""")]
    [InlineData("""{"type":"signal","signal":0}""")]
    [InlineData("""{"type":"signal","signal":65}""")]
    [InlineData("""{"type":"signal","signal":2} {"type":"ready"}""")]
    [InlineData("""{"type":"run","argv":null}""")]
    [InlineData("""{"type":"run","argv":[null]}""")]
    [InlineData("""{"type":"run","argv":[""]}""")]
    [InlineData("""{"type":"run","argv":["a\u0000b"]}""")]
    [InlineData("""{"type":"run","env":{"A=B":"c"}}""")]
    [InlineData("""{"type":"run","env":{"":"c"}}""")]
    [InlineData("""{"type":"run","env":{"A":null}}""")]
    [InlineData("""{"type":"run","cwd":"src"}""")]
    [InlineData("""{"type":"run","uid":-1}""")]
    [InlineData("""{"type":"run","ports":["../x"]}""")]
    public void TryTake_BadLine_IsInvalidWithAReason(string line)
    {
        ReadOnlySpan<byte> input = Encoding.UTF8.GetBytes(line + "\n");
        Assert.Equal(OperationStatus.InvalidData, RunMessage.TryTake(ref input, out RunMessage? message, out string? reason));
        Assert.Null(message);
        Assert.NotEmpty(reason!);
    }

    [Fact]
    public void TryTake_NoNewlineYet_LeavesTheInput()
    {
        ReadOnlySpan<byte> input = """{"type":"ready"}"""u8;
        Assert.Equal(OperationStatus.NeedMoreData, RunMessage.TryTake(ref input, out _, out _));
        Assert.Equal(16, input.Length);
    }

    [Fact]
    public void TryTake_EndlessLine_IsInvalidAtTheCap()
    {
        ReadOnlySpan<byte> input = new byte[RunMessage.MaxBytes];
        Assert.Equal(OperationStatus.InvalidData, RunMessage.TryTake(ref input, out _, out _));
    }

    [Fact]
    public void TryTake_AnyMessagesInARow_ComeBackInOrder() => Message.Array[0, 5].Sample(messages =>
    {
        ReadOnlySpan<byte> input = messages.SelectMany(message => message.ToLine()).ToArray();
        foreach (RunMessage expected in messages)
        {
            Assert.Equal(OperationStatus.Done, RunMessage.TryTake(ref input, out RunMessage? message, out _));
            Assert.Equal(expected, message);
        }

        Assert.Equal(OperationStatus.NeedMoreData, RunMessage.TryTake(ref input, out _, out _));
    });

    [Fact]
    public void TryTake_AnyBytes_NeverThrows() => Gen.Byte.Array[0, 60].Sample(bytes =>
    {
        ReadOnlySpan<byte> input = (byte[])[.. bytes, (byte)'\n'];
        Assert.NotEqual(OperationStatus.NeedMoreData, RunMessage.TryTake(ref input, out _, out _));
    });

    private static RunMessage Take(string line)
    {
        ReadOnlySpan<byte> input = Encoding.UTF8.GetBytes(line + "\n");
        OperationStatus status = RunMessage.TryTake(ref input, out RunMessage? message, out string? reason);
        Assert.True(status == OperationStatus.Done, reason);
        Assert.Equal(0, input.Length);
        return message!;
    }
}
