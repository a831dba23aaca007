using System.Net;
using System.Net.Sockets;
using System.Text;
using VmChannel.Cli.Control;
using VmChannel.Cli.Serve;
using VmChannel.Cli.Tests.Serve;
using VmChannel.Control;
using VmChannel.Wire.VirtioConsole;
using Xunit;

namespace VmChannel.Cli.Tests.Control;

/// <summary>Clients that come through the control API.</summary>
public sealed class AttachTests
{
    [Fact]
    public async Task Attach_NobodyElseThere_HoldsThePortAndBytesGoBothWays()
    {
        await using ControlRig rig = new();
        VmHost web = await rig.AddAsync("web", Lonely(rig));
        using GuestDouble guest = new(web);
        guest.Driver.Open(1);

        await using AttachedPort attached = await rig.Client.AttachAsync("web", "lonely", cancellationToken: ControlRig.Cancellation);
        Assert.True(await attached.WriteAsync("hello"u8.ToArray(), ControlRig.Cancellation));
        Assert.Equal("hello"u8.ToArray(), guest.Driver.Receive(1, 5));
        guest.Driver.Write(1, "world"u8);
        Assert.Equal("world", await ReadAsync(attached, 5));

        ClientInfo client = Assert.Single((await rig.Client.GetPortAsync("web", "1", ControlRig.Cancellation)).Clients);
        Assert.Equal(attached.ClientId, client.Id);
        Assert.True(client is { IsHolder: true, MayWrite: true });
        Assert.Contains($"process {Environment.ProcessId}", client.Description, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Attach_SomebodyHoldsThePort_OnlySees()
    {
        await using ControlRig rig = new();
        VmHost web = await rig.AddAsync("web", "port=1,protocol=test.echo,service=echo");
        using GuestDouble guest = new(web);
        guest.Driver.Open(1);

        await using AttachedPort attached = await rig.Client.AttachAsync("web", "1", cancellationToken: ControlRig.Cancellation);
        Assert.True(await attached.WriteAsync("lost"u8.ToArray(), ControlRig.Cancellation));
        guest.Driver.Write(1, "seen"u8);

        Assert.Equal("seen", await ReadAsync(attached, 4));
        Assert.Equal("seen"u8.ToArray(), guest.Driver.Receive(1, 4));
        await UntilAsync(async () => (await ClientsAsync(rig)) is [{ MayWrite: false, DroppedInputBytes: 4 }]);
    }

    [Fact]
    public async Task Attach_AsWriter_WritesBesideTheHostEnd()
    {
        await using ControlRig rig = new();
        VmHost web = await rig.AddAsync("web", "port=1,protocol=test.echo,service=echo");
        using GuestDouble guest = new(web);
        guest.Driver.Open(1);

        await using AttachedPort attached = await rig.Client.AttachAsync("web", "1", AttachAccess.Writer, ControlRig.Cancellation);
        Assert.True(await attached.WriteAsync("hello"u8.ToArray(), ControlRig.Cancellation));

        Assert.Equal("hello"u8.ToArray(), guest.Driver.Receive(1, 5));
    }

    [Fact]
    public async Task Attach_OverTcp_NeedsTheToken()
    {
        const string Token = "0123456789abcdef0123456789abcdef";
        await using ControlRig rig = new(new ControlPlan(Tcp: new IPEndPoint(IPAddress.Loopback, 0), Token: Token));
        VmHost web = await rig.AddAsync("web", Lonely(rig));
        using GuestDouble guest = new(web);
        guest.Driver.Open(1);
        Assert.True(ControlAddress.TryParse($"http://{rig.Listeners.TcpAddress}", out ControlAddress? address, out _));
        using ControlClient stranger = new(address);
        using ControlClient friend = new(address, Token);

        ControlException refused = await Assert.ThrowsAsync<ControlException>(
            () => stranger.AttachAsync("web", "1", cancellationToken: ControlRig.Cancellation));
        await using AttachedPort attached = await friend.AttachAsync("web", "1", cancellationToken: ControlRig.Cancellation);
        Assert.True(await attached.WriteAsync("hello"u8.ToArray(), ControlRig.Cancellation));

        Assert.Equal(401, refused.Problem!.Status);
        Assert.Equal("hello"u8.ToArray(), guest.Driver.Receive(1, 5));
        Assert.Contains("127.0.0.1", Assert.Single(await ClientsAsync(rig)).Description, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Attach_InputEnded_StillSeesTheGuest()
    {
        await using ControlRig rig = new();
        VmHost web = await rig.AddAsync("web", Lonely(rig));
        using GuestDouble guest = new(web);
        guest.Driver.Open(1);
        await using AttachedPort attached = await rig.Client.AttachAsync("web", "1", cancellationToken: ControlRig.Cancellation);
        Assert.True(await attached.WriteAsync("last"u8.ToArray(), ControlRig.Cancellation));

        await attached.EndWritesAsync(ControlRig.Cancellation);

        Assert.Equal("last"u8.ToArray(), guest.Driver.Receive(1, 4));
        guest.Driver.Write(1, "answer"u8);
        Assert.Equal("answer", await ReadAsync(attached, 6));
    }

    [Fact]
    public async Task Attach_GuestDoesNotRead_WriterWaitsAndNothingIsLost()
    {
        const int Total = 4 << 20;
        await using ControlRig rig = new();
        VmHost web = await rig.AddAsync("web", Lonely(rig));
        using GuestDouble guest = new(web);
        await using AttachedPort attached = await rig.Client.AttachAsync("web", "1", cancellationToken: ControlRig.Cancellation);
        byte[] sent = [.. Enumerable.Range(0, Total).Select(i => (byte)(i * 31L % 251))];

        Task<bool> writing = Task.Run(() => attached.WriteAsync(sent, ControlRig.Cancellation).AsTask());
        Assert.NotEqual(writing, await Task.WhenAny(writing, Task.Delay(500, ControlRig.Cancellation)));
        guest.Driver.Open(1);
        byte[] received = guest.Driver.Receive(1, Total);

        Assert.True(await writing);
        Assert.Equal(sent, received);
    }

    [Fact]
    public async Task Leave_WithBytesOnTheirWay_AllReachTheGuest()
    {
        await using ControlRig rig = new();
        VmHost web = await rig.AddAsync("web", Lonely(rig));
        using GuestDouble guest = new(web);
        byte[] sent = [.. Enumerable.Range(0, 50_000).Select(i => (byte)(i % 251))];
        await using (AttachedPort attached = await rig.Client.AttachAsync("web", "1", cancellationToken: ControlRig.Cancellation))
        {
            Assert.True(await attached.WriteAsync(sent, ControlRig.Cancellation));
            await attached.LeaveAsync(ControlRig.Cancellation);
            Assert.Equal(0, await attached.ReadAsync(new byte[1], ControlRig.Cancellation));
        }

        guest.Driver.Open(1);
        Assert.Equal(sent, guest.Driver.Receive(1, sent.Length));
        await UntilAsync(async () => (await ClientsAsync(rig)).Count == 0);
    }

    [Fact]
    public async Task Unplug_WhileAttached_EndsWithAReason()
    {
        await using ControlRig rig = new();
        _ = await rig.AddAsync("web", Lonely(rig));
        await using AttachedPort attached = await rig.Client.AttachAsync("web", "1", cancellationToken: ControlRig.Cancellation);

        _ = await rig.Client.UnplugAsync("web", "1", ControlRig.Cancellation);

        Assert.Equal(0, await attached.ReadAsync(new byte[1], ControlRig.Cancellation));
        Assert.Equal("it was unplugged", attached.EndReason);
    }

    [Fact]
    public async Task ServerStops_WhileAttached_EndsWithAReason()
    {
        ControlRig rig = new();
        using ControlClient client = new(ControlAddress.Unix(rig.SocketPath));
        AttachedPort attached;
        try
        {
            _ = await rig.AddAsync("web", Lonely(rig));
            attached = await client.AttachAsync("web", "1", cancellationToken: ControlRig.Cancellation);
        }
        finally
        {
            await rig.DisposeAsync();
        }

        await using (attached)
        {
            Assert.Equal(0, await attached.ReadAsync(new byte[1], ControlRig.Cancellation));
            Assert.Equal("the server has stopped to serve it", attached.EndReason);
        }
    }

    [Fact]
    public async Task VmRemoved_WhileAttached_EndsWithAReason()
    {
        await using ControlRig rig = new();
        _ = await rig.AddAsync("web", Lonely(rig));
        await using AttachedPort attached = await rig.Client.AttachAsync("web", "1", cancellationToken: ControlRig.Cancellation);

        _ = await rig.Server.RemoveAsync("web", ControlRig.Cancellation);

        Assert.Equal(0, await attached.ReadAsync(new byte[1], ControlRig.Cancellation));
        Assert.Equal("the server has stopped to serve it", attached.EndReason);
    }

    [Fact]
    public async Task Connection_Breaks_PortForgetsTheClient()
    {
        await using ControlRig rig = new();
        _ = await rig.AddAsync("web", Lonely(rig));
        using (Socket connection = await rig.ConnectAsync(ControlRig.Cancellation))
        {
            _ = await connection.SendAsync(
                "GET /v1/vms/web/ports/1/attach HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"u8.ToArray(),
                ControlRig.Cancellation);
            await UntilAsync(async () => (await ClientsAsync(rig)).Count == 1);
        }

        await UntilAsync(async () => (await ClientsAsync(rig)).Count == 0);
    }

    [Theory]
    [InlineData("web/ports/nothing/attach", HttpStatusCode.NotFound)]
    [InlineData("web/ports/1/attach", HttpStatusCode.UpgradeRequired)]
    [InlineData("web/ports/1/attach?access=all", HttpStatusCode.BadRequest)]
    public async Task Attach_ThatCannotBe_IsRefused(string path, HttpStatusCode status)
    {
        await using ControlRig rig = new();
        _ = await rig.AddAsync("web", "port=1,protocol=test.echo,service=echo");

        using HttpResponseMessage response = await rig.Http.GetAsync(new Uri($"v1/vms/{path}", UriKind.Relative), ControlRig.Cancellation);

        Assert.Equal(status, response.StatusCode);
        Assert.Equal(Problem.MediaType, response.Content.Headers.ContentType!.MediaType);
    }

    [Fact]
    public async Task Attach_UnknownPort_SaysWhichThereAre()
    {
        await using ControlRig rig = new();
        _ = await rig.AddAsync("web", "port=1,protocol=test.echo,service=echo");

        ControlException refused = await Assert.ThrowsAsync<ControlException>(
            () => rig.Client.AttachAsync("web", "nothing", cancellationToken: ControlRig.Cancellation));

        Assert.Contains("it has 1 (test.echo)", refused.Message, StringComparison.Ordinal);
    }

    /// <summary>A port that nobody is at on the host.</summary>
    [Fact]
    public async Task UntilGuestCloses_GetsAllAndThenThatReason()
    {
        await using ControlRig rig = new();
        VmHost web = await rig.AddAsync("web", Lonely(rig));
        using GuestDouble guest = new(web);
        guest.Driver.Open(1);
        await using AttachedPort attached = await rig.Client.AttachAsync("web", "1", AttachUntil.GuestClose, cancellationToken: ControlRig.Cancellation);
        await using AttachedPort stays = await rig.Client.AttachAsync("web", "1", cancellationToken: ControlRig.Cancellation);

        guest.Driver.Write(1, "last"u8);
        guest.Driver.Send(1, ControlEvent.PortOpen, 0);

        Assert.Equal("last", await ReadAsync(attached, 4));
        Assert.Equal(0, await attached.ReadAsync(new byte[1], ControlRig.Cancellation));
        Assert.Equal(AttachedPort.GuestClosed, attached.EndReason);
        guest.Driver.Send(1, ControlEvent.PortOpen, 1);
        guest.Driver.Write(1, "more"u8);
        Assert.Equal("lastmore", await ReadAsync(stays, 8));
    }

    /// <summary>Whoever queues at a port that ends connections with the guest has an opening of its own.</summary>
    [Fact]
    public async Task Queued_AtAPortThatDisconnects_HasAnOpeningOfItsOwn()
    {
        await using ControlRig rig = new();
        VmHost web = await rig.AddAsync("web", $"{Lonely(rig)},on-guest-close=disconnect");
        using GuestDouble guest = new(web);
        guest.Driver.Open(1);
        await using AttachedPort first = await rig.Client.AttachAsync("web", "1", AttachAccess.Queued, ControlRig.Cancellation);
        await using AttachedPort second = await rig.Client.AttachAsync("web", "1", AttachAccess.Queued, ControlRig.Cancellation);
        Assert.True(await second.WriteAsync("two"u8.ToArray(), ControlRig.Cancellation));
        Assert.True(await first.WriteAsync("one"u8.ToArray(), ControlRig.Cancellation));

        Assert.Equal("one"u8.ToArray(), guest.Driver.Receive(1, 3));
        guest.Driver.Write(1, "1"u8);
        guest.Driver.Send(1, ControlEvent.PortOpen, 0);
        Assert.Equal("1", await ReadAsync(first, 1));
        Assert.Equal(0, await first.ReadAsync(new byte[1], ControlRig.Cancellation));
        Assert.Equal(AttachedPort.GuestClosed, first.EndReason);

        guest.Driver.Send(1, ControlEvent.PortOpen, 1);
        Assert.Equal("two"u8.ToArray(), guest.Driver.Receive(1, 3));
        guest.Driver.Write(1, "2"u8);
        Assert.Equal("2", await ReadAsync(second, 1));
        Assert.Equal(OnGuestClose.Disconnect, (await rig.Client.GetPortAsync("web", "1", ControlRig.Cancellation)).OnGuestClose);
    }

    internal static string Lonely(ControlRig rig) => $"port=1,protocol=test.lonely,char=unix:{rig.File("lonely.sock")},server";

    internal static async Task<string> ReadAsync(AttachedPort attached, int count)
    {
        byte[] buffer = new byte[count];
        int filled = 0;
        while (filled < count)
        {
            int read = await attached.ReadAsync(buffer.AsMemory(filled), ControlRig.Cancellation);
            Assert.True(read > 0, attached.EndReason);
            filled += read;
        }

        return Encoding.ASCII.GetString(buffer);
    }

    private static async Task<IReadOnlyList<ClientInfo>> ClientsAsync(ControlRig rig)
        => (await rig.Client.GetPortAsync("web", "1", ControlRig.Cancellation)).Clients;

    private static async Task UntilAsync(Func<Task<bool>> condition)
    {
        using CancellationTokenSource limit = new(TimeSpan.FromSeconds(30));
        while (!await condition())
        {
            await Task.Delay(10, limit.Token);
        }
    }
}
