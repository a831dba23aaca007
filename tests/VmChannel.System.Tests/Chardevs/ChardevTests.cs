using System.Net.Sockets;
using VmChannel.SystemTests.Rig;

namespace VmChannel.SystemTests.Chardevs;

/// <summary>Every chardev carries bytes both ways between a guest's program and the host's.</summary>
[Collection<ChardevCollection>]
public sealed class ChardevTests(ChardevMachine machine)
{
    [Fact]
    public async Task UnixServer_WithAClient_CarriesBothWays() => await ExchangeAsync("unix-server", ChannelClient.Connect(machine.File("server.sock")));

    [Fact]
    public async Task AbstractServer_WithAClient_CarriesBothWays() =>
        await ExchangeAsync("abstract", ChannelClient.Connect(new UnixDomainSocketEndPoint("\0" + machine.AbstractName)));

    [Fact]
    public async Task TcpServer_WithAClient_CarriesBothWays() => await ExchangeAsync("tcp-server", ChannelClient.Connect(machine.TcpServer));

    [Fact]
    public async Task UnixClient_WhenItsServerHangsUp_ConnectsAgain() => await AcceptTwiceAsync("unix-client", machine.UnixListener);

    [Fact]
    public async Task TcpClient_WhenItsServerHangsUp_ConnectsAgain() => await AcceptTwiceAsync("tcp-client", machine.TcpListener);

    [Fact]
    public async Task Fd_AnInheritedSocket_CarriesBothWays() => await machine.Guest.ExchangeAsync(ChardevMachine.PathOf("fd"), machine.Inherited);

    [Fact]
    public async Task Pty_OpenedByItsLink_CarriesBothWays()
    {
        using FileStream terminal = new(machine.File("pty"), FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite, bufferSize: 0);
        await ExchangeAsync("pty", terminal, terminal);
    }

    [Fact]
    public async Task Pipe_TwoFifos_CarryBothWays()
    {
        using FileStream toGuest = new(machine.File("fifo.in"), FileMode.Open, FileAccess.Write, FileShare.ReadWrite, bufferSize: 0);
        using FileStream fromGuest = new(machine.File("fifo.out"), FileMode.Open, FileAccess.Read, FileShare.ReadWrite, bufferSize: 0);
        await ExchangeAsync("pipe", fromGuest, toGuest);
    }

    [Fact]
    public async Task Stdio_OfTheServer_CarriesBothWays() => await ExchangeAsync("stdio", machine.Serve.Process.OutputStream, machine.Serve.Process.Input);

    [Fact]
    public async Task File_WithAnInputPath_TakesAndGives()
    {
        string answer = await machine.Guest.RunAsync(GuestScripts.Exchange(ChardevMachine.PathOf("file"), "into a file"));

        Assert.Equal("from a file", answer);
        await Patience.UntilAsync(
            () => File.ReadAllText(machine.File("output")) == "into a file\n", () => File.ReadAllText(machine.File("output")));
    }

    [Fact]
    public async Task Null_TakesAnythingAndGivesNothing()
    {
        string script = $"exec 5<>{ChardevMachine.PathOf("null")}; head -c 4000000 /pattern >&5 && ! read -r -t 0.3 line <&5";

        await machine.Guest.RunAsync(script);
    }

    private async Task ExchangeAsync(string name, ChannelClient client)
    {
        using (client)
        {
            await machine.Guest.ExchangeAsync(ChardevMachine.PathOf(name), client);
        }
    }

    private async Task ExchangeAsync(string name, Stream fromGuest, Stream toGuest)
    {
        Task<string> answer = machine.Guest.RunAsync(GuestScripts.Exchange(ChardevMachine.PathOf(name), "from the guest"));
        byte[] bytes = new byte["from the guest\n".Length];
        using CancellationTokenSource limit = new(Patience.Short);
        await fromGuest.ReadExactlyAsync(bytes, limit.Token);
        Assert.Equal("from the guest\n"u8, bytes);
        await toGuest.WriteAsync("from the host\n"u8.ToArray(), limit.Token);

        Assert.Equal("from the host", await answer);
    }

    private async Task AcceptTwiceAsync(string name, Socket listener)
    {
        for (int turn = 0; turn < 2; turn++)
        {
            using CancellationTokenSource limit = new(Patience.Short);
            await ExchangeAsync(name, ChannelClient.Of(await listener.AcceptAsync(limit.Token)));
        }
    }
}
