using System.Globalization;
using System.Net.Sockets;
using VmChannel.SystemTests.Rig;

namespace VmChannel.SystemTests.Servers;

/// <summary>The programs where something is missing: a standard stream, room on the disk, a descriptor, another program.</summary>
public sealed class SurroundingsTests
{
    private const string Args = "$VMCHANNEL args qemu --vhost-user a.sock -virtioserial protocol=org.qemu.clipboard";

    [Theory]
    [InlineData($"{Args} >/dev/full", 1)]
    [InlineData($"{Args} >&-", 0)]
    [InlineData("$VMCHANNEL --version >/dev/full", 1)]
    [InlineData("$VMCHANNEL --version >&-", 0)]
    [InlineData("$VMCHANNEL vms --control /none.sock 2>/dev/full", 1)]
    [InlineData("$VMCHANNEL vms --control /none.sock 2>&-", 1)]
    [InlineData("PATH=/none $VMCHANNEL run -- true", 1)]
    [InlineData("$VMCHANNEL-guest --help >/dev/full", 1)]
    [InlineData("$VMCHANNEL-guest --help >&-", 0)]
    [InlineData("$VMCHANNEL-guest list 2>/dev/full", 0)]
    [InlineData("$VMCHANNEL-guest list 2>&-", 0)]
    [InlineData("$VMCHANNEL-guest open org.example 2>/dev/full", 1)]
    [InlineData("$VMCHANNEL-guest open org.example --wait=NaN", 2)]
    public async Task Command_ThatCannotSayOrDoIt_EndsWithACodeAndWithoutATrace(string line, int code)
    {
        await using HostProcess command = HostProcess.Start(["bash", "-c", line], start => start.Environment["VMCHANNEL"] = Executables.VmChannel);
        command.Input.Close();
        Assert.Equal(code, await command.Ended.WaitAsync(Patience.Short, TestContext.Current.CancellationToken));
        Assert.DoesNotContain("   at ", command.Errors.ToString(), StringComparison.Ordinal);
    }

    /// <summary>Whatever is opened first in a program without standard input gets its number, and is no input.</summary>
    [Fact]
    public async Task Open_WithoutAnInput_SendsNothing()
    {
        using TestFolder folder = new();
        using Socket host = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        host.Bind(new UnixDomainSocketEndPoint(folder.File("org.example.log")));
        host.Listen();
        await using HostProcess open = HostProcess.Start(
            ["bash", "-c", $"exec {Executables.VmChannelGuest} open org.example.log -q 0.1 <&-"], start => start.Environment["VMCHANNEL_DIR"] = folder.Root);
        using Socket channel = await host.AcceptAsync(TestContext.Current.CancellationToken);
        Assert.Equal(0, await channel.ReceiveAsync(new byte[100], TestContext.Current.CancellationToken));
        Assert.Equal(0, await open.Ended.WaitAsync(Patience.Short, TestContext.Current.CancellationToken));
    }

    [Fact]
    public async Task Clipboard_WhoseAuthorityIsNoName_AsksTheDisplayAllTheSame()
    {
        int number = 10_000 + Environment.ProcessId;
        using Socket display = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        display.Bind(new UnixDomainSocketEndPoint(string.Create(CultureInfo.InvariantCulture, $"\0/tmp/.X11-unix/X{number}")));
        display.Listen();
        await using HostProcess clipboard = HostProcess.Start(
            [Executables.VmChannelGuest, "clipboard", "--display", string.Create(CultureInfo.InvariantCulture, $":{number}")],
            start => start.Environment["XAUTHORITY"] = "");
        using (Socket client = await display.AcceptAsync(TestContext.Current.CancellationToken))
        {
            Assert.NotEqual(0, await client.ReceiveAsync(new byte[12], TestContext.Current.CancellationToken));
        }

        Assert.Equal(1, await clipboard.Ended.WaitAsync(Patience.Short, TestContext.Current.CancellationToken));
        Assert.DoesNotContain("   at ", clipboard.Errors.ToString(), StringComparison.Ordinal);
    }

    /// <summary>Whoever starts it may have no interest in children of its own, which is inherited.</summary>
    [Fact]
    public async Task Run_StartedWithSigChildIgnored_HasTheHandlersExitCode()
    {
        using TestFolder folder = new();
        using Socket host = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        host.Bind(new UnixDomainSocketEndPoint(folder.File("org.example.log")));
        host.Listen();
        await using HostProcess run = HostProcess.Start(
            ["bash", "-c", $"trap '' CHLD; exec {Executables.VmChannelGuest} run org.example.log --once -- sh -c 'exit 7'"],
            start => start.Environment["VMCHANNEL_DIR"] = folder.Root);
        Assert.Equal(7, await run.Ended.WaitAsync(Patience.Short, TestContext.Current.CancellationToken));
    }

    [Fact]
    public async Task Serve_WithoutStandardStreams_UsesTheirNumbersForNothing()
    {
        using TestFolder folder = new();
        await using ServeProcess serve = await ServeProcess.StartAsync(
            folder, new ServeStreams { Redirections = "<&- >&- 2>&-" }, "-virtioserial", "protocol=org.example.echo,service=echo");
        Assert.All([0, 1, 2], number => Assert.Equal("/dev/null", new FileInfo($"/proc/{serve.Process.Id}/fd/{number}").LinkTarget));
        Assert.Equal(0, await serve.StopAsync());
    }

    [Fact]
    public async Task Watch_ThatNobodyReads_Ends()
    {
        using TestFolder folder = new();
        await using HostProcess watch = HostProcess.Start(
            ["bash", "-c", $"{Executables.VmChannelGuest} watch --events | head -1"], start => start.Environment["VMCHANNEL_DIR"] = folder.Root);
        List<Socket> channels = [];
        try
        {
            for (int i = 0; !watch.Ended.IsCompleted; i++)
            {
                Assert.True(i < 200, "it goes on and on");
                Socket channel = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
                channels.Add(channel);
                channel.Bind(new UnixDomainSocketEndPoint(folder.File(string.Create(CultureInfo.InvariantCulture, $"org.example.{i}"))));
                _ = await Task.WhenAny(watch.Ended, Task.Delay(100, TestContext.Current.CancellationToken));
            }
        }
        finally
        {
            channels.ForEach(channel => channel.Dispose());
        }

        Assert.Matches("^plugged org.example.0 ", watch.Output.ToString());
    }

    [Fact]
    public async Task ControlApi_OnceThereAreDescriptorsAgain_Answers()
    {
        using TestFolder folder = new();
        await using ServeProcess serve = await ServeProcess.StartAsync(folder, "-virtioserial", "protocol=org.example.echo,service=echo");
        await LimitAsync(serve.Process, 4);
        using ChannelClient client = ChannelClient.Connect(serve.ControlSocket);
        _ = await serve.Log.WaitForAsync("the control API cannot start");
        await LimitAsync(serve.Process, 1024);
        Assert.Equal(0, (await serve.CommandAsync("ports", "device")).Code);
    }

    [Fact]
    public async Task Forward_OnceThereAreDescriptorsAgain_TakesConnections()
    {
        using TestFolder folder = new();
        await using ServeProcess serve = await ServeProcess.StartAsync(folder, "-virtioserial", $"protocol=org.example.web,char=unix:{folder.File("web")},server");
        await using HostProcess forward = HostProcess.Start(
            [Executables.VmChannel, "forward", $"unix:{folder.File("http")}", "web", "--timeout", "100ms"],
            start => start.Environment["XDG_RUNTIME_DIR"] = serve.Runtime);
        _ = await forward.Output.WaitForAsync("unix:");
        await LimitAsync(forward, 4);
        using ChannelClient first = ChannelClient.Connect(folder.File("http"));
        _ = await forward.Errors.WaitForAsync("cannot accept a connection: Too many open files");
        await LimitAsync(forward, 1024);

        // Nobody in the guest serves it: that this is known shows that it was let in.
        _ = await forward.Errors.WaitForAsync("no answer within 0.1 s");
    }

    /// <summary>Leaves a process no descriptor above that number.</summary>
    private static async Task LimitAsync(HostProcess process, int most)
    {
        await using HostProcess prlimit = await HostProcess.RunAsync("prlimit", "--pid", $"{process.Id}", $"--nofile={most}:");
        Assert.Equal(0, await prlimit.Ended);
    }
}
