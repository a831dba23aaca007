using VmChannel.SystemTests.Rig;

namespace VmChannel.SystemTests.Servers;

/// <summary>A server that is told to stop takes everything it made with it.</summary>
public sealed class StopTests
{
    [Theory]
    [InlineData((int)PosixSignalNumber.Terminate)]
    [InlineData((int)PosixSignalNumber.Interrupt)]
    public async Task Serve_OnASignal_EndsWithZeroAndRemovesSocketsAndLinks(int signal)
    {
        using TestFolder folder = new();
        await using ServeProcess serve = await ServeProcess.StartAsync(
            folder,
            "-virtioserial", $"protocol=a.unix,char=unix:{folder.File("channel.sock")},server",
            "-virtioserial", $"protocol=a.pty,char=pty,path={folder.File("pty")}");
        Assert.Equal(["channel.sock", "device.sock", "pty"], folder.Names());
        using ChannelClient client = ChannelClient.Connect(folder.File("channel.sock"));
        serve.Process.Signal((PosixSignalNumber)signal);

        Assert.Equal(0, await serve.Process.Ended.WaitAsync(Patience.Short, TestContext.Current.CancellationToken));
        Assert.Empty(folder.Names());
    }
}
