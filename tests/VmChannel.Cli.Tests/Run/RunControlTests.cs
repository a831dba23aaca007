using System.IO.Pipelines;
using VmChannel.Cli.Run;
using VmChannel.Wire;
using Xunit;

namespace VmChannel.Cli.Tests.Run;

public sealed class RunControlTests
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Receive_MessagesInPieces_YieldsEachOnce()
    {
        Pipe pipe = new();
        using RunControl control = new(pipe.Reader.AsStream());
        byte[] bytes = [.. new RunReady().ToLine(), .. new RunExit(7).ToLine()];
        Task<RunReady> ready = control.ExpectAsync<RunReady>(Token);
        foreach (byte value in bytes)
        {
            await pipe.Writer.WriteAsync(new[] { value }, Token);
        }

        await ready;
        Assert.Equal(7, (await control.ExpectAsync<RunExit>(Token)).Code);
    }

    [Fact]
    public async Task Expect_GuestLeaves_SaysSo()
    {
        using RunControl control = new(new MemoryStream());

        RunException error = await Assert.ThrowsAsync<RunException>(() => control.ExpectAsync<RunReady>(Token));
        Assert.Contains("ended", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Expect_AnotherMessage_NamesBoth()
    {
        using RunControl control = new(new MemoryStream(new RunExit(0).ToLine()));

        RunException error = await Assert.ThrowsAsync<RunException>(() => control.ExpectAsync<RunReady>(Token));
        Assert.Contains("RunExit where RunReady", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Receive_NoMessage_IsRefused()
    {
        using RunControl control = new(new MemoryStream([.. "no json\n"u8]));

        await Assert.ThrowsAsync<RunException>(() => control.ReceiveAsync(Token));
    }
}
