using System.Globalization;
using System.Net.Sockets;
using VmChannel.SystemTests.Rig;

namespace VmChannel.SystemTests.Servers;

/// <summary>Front-ends die, come back, and come in pairs; the server and its clients live on.</summary>
public sealed class FrontEndTests
{
    [Fact]
    public async Task Serve_WhenTheFrontEndIsKilledInMidTransfer_ServesTheNextOneAndKeepsItsClients()
    {
        using TestFolder folder = new();
        await using ServeProcess serve = await StartAsync(folder);
        using ChannelClient client = ChannelClient.Connect(folder.File("held.sock"));
        Pattern pattern = new("killed", 64);
        await using (UmlGuest first = await UmlGuest.BootAsync(serve))
        {
            await first.UntilAsync("[ -e /dev/vmch2 ]");
            _ = first.TryAsync($"{pattern.GuestWriter} > /dev/vmch2").ContinueWith(task => task.Exception, TaskScheduler.Default);
            Assert.Equal(pattern.Length / 4, await pattern.CheckAsync(client.Stream, 0, pattern.Length / 4));
            first.Monitor.Signal(PosixSignalNumber.Kill);
            await serve.Log.WaitForAsync("disconnected");
        }

        await using UmlGuest second = await UmlGuest.BootAsync(serve);
        await second.UntilAsync("[ -e /dev/vmch2 ]");

        // What the first guest had handed over is the client's: the stream goes on until the second guest's own bytes.
        Task<string> answer = second.RunAsync(GuestScripts.Exchange("/dev/vmch2", "second guest"));
        await pattern.CheckUntilAsync(client.Stream, pattern.Length / 4, "second guest\n");
        await client.SendAsync("host is still here\n");
        Assert.Equal("host is still here", await answer);
    }

    [Fact]
    public async Task Serve_WithASecondFrontEnd_RefusesItAndSaysWhy()
    {
        using TestFolder folder = new();
        await using ServeProcess serve = await StartAsync(folder);
        await using UmlGuest guest = await UmlGuest.BootAsync(serve);
        using (Socket second = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified))
        {
            await second.ConnectAsync(new UnixDomainSocketEndPoint(serve.Socket), TestContext.Current.CancellationToken);
            using CancellationTokenSource limit = new(Patience.Short);
            Assert.Equal(0, await second.ReceiveAsync(new byte[1], limit.Token));
        }

        string line = await serve.Log.WaitForAsync("was refused");
        Assert.Contains(Environment.ProcessId.ToString(CultureInfo.InvariantCulture), line, StringComparison.Ordinal);
        await guest.UntilAsync("[ -e /dev/vmch1 ]");
        Assert.Equal("undisturbed", await guest.RunAsync(GuestScripts.Exchange("/dev/vmch1", "undisturbed")));
    }

    private static Task<ServeProcess> StartAsync(TestFolder folder) => ServeProcess.StartAsync(
        folder,
        "-virtioserial", "port=1,protocol=test.echo,service=echo",
        "-virtioserial", $"port=2,protocol=test.held,char=unix:{folder.File("held.sock")},server");
}
