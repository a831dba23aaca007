using System.Net.Sockets;
using VmChannel.SystemTests.Rig;

namespace VmChannel.SystemTests.Servers;

/// <summary>A command line that makes no sense gets one clear line, and leaves nothing behind.</summary>
public sealed class BadInputTests
{
    // FOLDER stands for the test's own.
    [Theory]
    [InlineData(2, "unknown option chr", "-virtioserial", "protocol=a.b,chr=null")]
    [InlineData(2, "no chardev nul", "-virtioserial", "protocol=a.b,char=nul")]
    [InlineData(2, "port 1 is taken", "-virtioserial", "port=1,protocol=a.b,char=null", "-virtioserial", "port=1,protocol=a.c,char=null")]
    [InlineData(2, "the name a.b is taken", "-virtioserial", "protocol=a.b,char=null", "-virtioserial", "protocol=a.b,char=null")]
    [InlineData(2, "cannot be side by side", "-virtioserial", "protocol=org.qemu,char=null", "-virtioserial", "protocol=org.qemu.clipboard,char=null")]
    [InlineData(2, "port 0 is the console's", "-virtioserial", "port=0,protocol=a.b,char=null")]
    [InlineData(2, "port 31 is beyond the limit", "-virtioserial", "port=31,protocol=a.b,char=null")]
    [InlineData(2, "port 128 is beyond the limit", "-virtioserial", "port=128,protocol=a.b,char=null", "--max-ports", "127")]
    [InlineData(2, "--max-ports 128", "-virtioserial", "protocol=a.b,char=null", "--max-ports", "128")]
    [InlineData(2, "unix: nothing follows the colon", "-virtioserial", "protocol=a.b,char=unix:")]
    [InlineData(2, "two dots", "-virtioserial", "protocol=a..b,char=null")]
    [InlineData(2, "protocol is missing", "-virtioserial", "char=null")]
    [InlineData(2, "not built in (built in: org.qemu.clipboard)", "-virtioserial", "protocol=a.b")]
    [InlineData(2, "no channel")]
    [InlineData(1, "create its folder first", "-virtioserial", "protocol=a.b,char=unix:FOLDER/missing/x,server")]
    [InlineData(1, "there is no such pipe", "-virtioserial", "protocol=a.b,char=pipe:FOLDER/fifo")]
    [InlineData(1, "no such file or folder", "-virtioserial", "protocol=a.b,char=file:FOLDER/missing/x")]
    public async Task Serve_WithBadOptions_SaysOneLineAndLeavesNothing(int code, string says, params string[] options)
    {
        using TestFolder folder = new();
        // A good channel first: it must not stay half started.
        string[] words = [.. options.Length == 0 ? [] : (string[])["-virtioserial", $"protocol=x.first,char=unix:{folder.File("first.sock")},server"], .. options];
        await using HostProcess serve = await RunAsync(folder, words);

        Assert.Equal(code, await serve.Ended);
        Assert.Empty(serve.Output.All);
        string line = Assert.Single(serve.Errors.All);
        Assert.StartsWith("vmchannel: ", line, StringComparison.Ordinal);
        Assert.Contains(says, line, StringComparison.Ordinal);
        Assert.Empty(folder.Names());
    }

    [Fact]
    public async Task Serve_OnASocketInUse_LeavesItToItsOwner()
    {
        using TestFolder folder = new();
        await using ServeProcess owner = await ServeProcess.StartAsync(folder, "-virtioserial", "protocol=a.b,service=echo");
        await using HostProcess serve = await RunAsync(folder, ["-virtioserial", "protocol=a.b,service=echo"]);

        Assert.Equal(1, await serve.Ended);
        Assert.Contains("device.sock", Assert.Single(serve.Errors.All, line => line.StartsWith("vmchannel: ", StringComparison.Ordinal)), StringComparison.Ordinal);
        using Socket socket = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        await socket.ConnectAsync(new UnixDomainSocketEndPoint(owner.Socket), TestContext.Current.CancellationToken);
    }

    [Fact]
    public async Task Serve_OnASocketThatNobodyListensTo_TakesItsPlace()
    {
        using TestFolder folder = new();
        await using (ServeProcess killed = await ServeProcess.StartAsync(folder, "-virtioserial", "protocol=a.b,service=echo"))
        {
            killed.Process.Signal(PosixSignalNumber.Kill);
            _ = await killed.Process.Ended;
        }

        Assert.Contains("device.sock", folder.Names());
        await using ServeProcess next = await ServeProcess.StartAsync(folder, "-virtioserial", "protocol=a.b,service=echo");
        Assert.Equal(0, await next.StopAsync());
    }

    private static async Task<HostProcess> RunAsync(TestFolder folder, string[] options) => await HostProcess.RunAsync(
        [Executables.VmChannel, "serve", "--vhost-user", folder.File("device.sock"),
            .. options.Select(word => word.Replace("FOLDER", folder.Root, StringComparison.Ordinal))]);
}
