using System.Net.Sockets;
using System.Net.WebSockets;
using System.Security.Cryptography;
using System.Text;
using VmChannel.Testing;
using Xunit;

namespace VmChannel.Cli.Tests.WebSockets;

public sealed class WebSocketServerTests
{
    private const string Options = "ws:127.0.0.1:0,server";

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Client_ManyBytesBothWays_ArriveAsSent()
    {
        const int Count = 64 << 20;
        using WebSocketRig rig = new(Options);
        ClientWebSocket client = await rig.ConnectAsync(protocol: "binary");
        Assert.Equal("binary", client.SubProtocol);
        byte[] toHost = RandomNumberGenerator.GetBytes(Count);
        byte[] toGuest = RandomNumberGenerator.GetBytes(Count);
        Task<byte[]> guest = Task.Run(() => PortExchange.Run(rig.Driver, 1, toHost, Count), Cancellation);
        Task sending = SendAsync(client, toGuest);
        Assert.Equal(SHA256.HashData(toHost), SHA256.HashData(await WebSocketRig.ReceiveAsync(client, Count)));
        await sending;
        Assert.Equal(SHA256.HashData(toGuest), SHA256.HashData(await guest));
        client.Dispose();
    }

    [Fact]
    public async Task Client_TextAndFragments_AreBytes()
    {
        using WebSocketRig rig = new(Options);
        using ClientWebSocket client = await rig.ConnectAsync();
        Assert.Null(client.SubProtocol);
        await WebSocketRig.SendAsync(client, "te"u8.ToArray(), WebSocketMessageType.Text, isEnd: false);
        await WebSocketRig.SendAsync(client, "xt "u8.ToArray(), WebSocketMessageType.Text);
        await WebSocketRig.SendAsync(client, ReadOnlyMemory<byte>.Empty);
        await WebSocketRig.SendAsync(client, "bytes"u8.ToArray());
        Assert.Equal("text bytes", Encoding.ASCII.GetString(rig.Driver.Receive(1, 10)));
    }

    [Fact]
    public async Task Client_Closes_IsAnsweredAndTheNextOneServed()
    {
        using WebSocketRig rig = new(Options);
        for (int round = 0; round < 3; round++)
        {
            using ClientWebSocket client = await rig.ConnectAsync();
            await WebSocketRig.SendAsync(client, new byte[] { (byte)round });
            Assert.Equal([(byte)round], rig.Driver.Receive(1, 1));
            await client.CloseAsync(WebSocketCloseStatus.NormalClosure, null, Cancellation).WaitAsync(WebSocketRig.Patience, Cancellation);
            Assert.Equal(WebSocketState.Closed, client.State);
        }

        Wait.Until(() => !rig.IsOpen, "the last client to be gone");
    }

    [Theory]
    [InlineData("", "https://evil.example", 403)]
    [InlineData("", "null", 403)]
    [InlineData("", "http://127.0.0.1:1", 403)]
    [InlineData(",origin=https://vnc.example", "https://vnc.example.evil.example", 403)]
    [InlineData("", "http://127.0.0.1:PORT", 0)]
    [InlineData("", null, 0)]
    [InlineData(",origin=https://a.example,origin=https://vnc.example", "https://vnc.example", 0)]
    [InlineData(",origin=*", "https://evil.example", 0)]
    public async Task Client_OfAWebPage_IsServedWhenItsOriginMay(string options, string? origin, int refusal)
    {
        using WebSocketRig rig = new(Options + options);
        if (refusal == 0)
        {
            using ClientWebSocket client = await rig.ConnectAsync(origin: origin);
            Wait.Until(() => rig.IsOpen, "the client");
        }
        else
        {
            WebSocketException failure = await Assert.ThrowsAsync<WebSocketException>(() => rig.ConnectAsync(origin: origin));
            Assert.Contains($"{refusal}", failure.Message, StringComparison.Ordinal);
            Wait.Until(() => rig.Log.Contains("pages of this origin may not connect"), "the reason in the log");
            Wait.Until(() => rig.End.RefusedPeers == 1, "the refusal");
            Assert.False(rig.IsOpen);
        }
    }

    [Fact]
    public async Task Client_OfAnotherPath_IsRefused()
    {
        using WebSocketRig rig = new("ws:127.0.0.1:0/console,server");
        WebSocketException failure = await Assert.ThrowsAsync<WebSocketException>(() => rig.ConnectAsync("/other"));
        Assert.Contains("404", failure.Message, StringComparison.Ordinal);
        using ClientWebSocket client = await rig.ConnectAsync("/console?token=1");
        Wait.Until(() => rig.IsOpen, "the client");
    }

    [Theory]
    [InlineData("\u0016\u0003\u0001\u0002\0\u0001\0\u0001", "")]
    [InlineData("GET / HTTP/1.1\r\nHost: a\r\n\r\n", "426")]
    [InlineData("GET / HTTP/9.9\r\n\r\n", "505")]
    [InlineData("POST / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n", "426")]
    [InlineData("GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: short\r\n\r\n", "426")]
    public async Task Garbage_InsteadOfARequest_IsAnsweredAndRefused(string request, string answer)
    {
        using WebSocketRig rig = new(Options);
        using Socket garbage = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        await garbage.ConnectAsync(rig.End.LocalAddress!, Cancellation);
        _ = await garbage.SendAsync(Encoding.Latin1.GetBytes(request), Cancellation);
        await using NetworkStream stream = new(garbage);
        using StreamReader reader = new(stream);
        string text = await reader.ReadToEndAsync(Cancellation).WaitAsync(WebSocketRig.Patience, Cancellation);
        Assert.Contains(answer, text, StringComparison.Ordinal);
        Wait.Until(() => rig.End.RefusedPeers == 1, "the refusal");
        using ClientWebSocket client = await rig.ConnectAsync();
        Wait.Until(() => rig.IsOpen, "the client");
    }

    [Fact]
    public async Task Client_ThatDoesNotRead_HoldsTheGuestBack()
    {
        using WebSocketRig rig = new(Options);
        using ClientWebSocket client = await rig.ConnectAsync();
        byte[] sent = RandomNumberGenerator.GetBytes(24 << 20);
        Task<byte[]> guest = Task.Run(() => PortExchange.Run(rig.Driver, 1, sent, 0), Cancellation);
        Wait.Until(() => rig.FromGuestBytes >= 48 * 1024, "the channel to fill");
        Assert.NotSame(guest, await Task.WhenAny(guest, Task.Delay(1000, Cancellation)));
        Assert.Equal(sent, await WebSocketRig.ReceiveAsync(client, sent.Length));
        _ = await guest;
    }

    [Fact]
    public async Task Client_ThatDies_LeavesAGapOfOneWriteAtMost()
    {
        using WebSocketRig rig = new(Options);
        ClientWebSocket first = await rig.ConnectAsync();
        byte[] sent = RandomNumberGenerator.GetBytes(16 << 20);
        Task<byte[]> guest = Task.Run(() => PortExchange.Run(rig.Driver, 1, sent, 0), Cancellation);
        _ = await WebSocketRig.ReceiveAsync(first, 1 << 20);
        first.Abort();
        first.Dispose();
        Wait.Until(() => !rig.IsOpen, "the first to be gone");
        using ClientWebSocket second = await rig.ConnectAsync();
        Wait.Until(() => rig.IsOpen, "the second");
        byte[] mark = RandomNumberGenerator.GetBytes(32);
        _ = Task.Run(() => guest.ContinueWith(_ => PortExchange.Run(rig.Driver, 1, mark, 0), TaskScheduler.Default), Cancellation);
        List<byte> rest = [];
        while (!rest.TakeLast(mark.Length).SequenceEqual(mark))
        {
            rest.AddRange(await WebSocketRig.ReceiveAsync(second, mark.Length));
        }

        int tail = rest.Count - mark.Length;
        Assert.True(sent.AsSpan(sent.Length - tail).SequenceEqual(System.Runtime.InteropServices.CollectionsMarshal.AsSpan(rest)[..tail]), "a tail without a gap");
        Assert.InRange(rig.End.LostBytes, 0, 16 * 1024);
    }

    [Theory]
    [InlineData("ws:127.0.0.1:{0}/any")]
    [InlineData("socket,host=127.0.0.1,port={0},websocket=on")]
    public async Task ClientChardev_OfAServerChardev_BytesFlowBothWays(string options)
    {
        using WebSocketRig server = new("tcp:127.0.0.1:0,server,websocket=on");
        using WebSocketRig client = new(string.Format(System.Globalization.CultureInfo.InvariantCulture, options, server.End.LocalAddress!.Port));
        Wait.Until(() => client.IsOpen && server.IsOpen, "the connection");
        byte[] bytes = RandomNumberGenerator.GetBytes(1_000_000);
        Task<byte[]> there = Task.Run(() => PortExchange.Run(server.Driver, 1, bytes, bytes.Length), Cancellation);
        Assert.Equal(bytes, PortExchange.Run(client.Driver, 1, bytes, bytes.Length));
        Assert.Equal(bytes, await there);
    }

    [Fact]
    public async Task SecureServer_WithClientCertificates_ServesWhoHasOne()
    {
        using TestAuthority authority = new();
        string folder = Directory.CreateTempSubdirectory("vmch").FullName;
        try
        {
            string ca = Path.Combine(folder, "ca.pem");
            string serverPem = Path.Combine(folder, "server.pem");
            string clientPem = Path.Combine(folder, "client.pem");
            await File.WriteAllTextAsync(ca, authority.Pem, Cancellation);
            await File.WriteAllTextAsync(serverPem, TestAuthority.PemOf(authority.Issue("server", "server.example")), Cancellation);
            await File.WriteAllTextAsync(clientPem, TestAuthority.PemOf(authority.Issue("alice")), Cancellation);
            using WebSocketRig server = new($"wss:127.0.0.1:0,server,tls-cert={serverPem},tls-ca={ca},tls-allow=alice");
            string address = $"wss:127.0.0.1:{server.End.LocalAddress!.Port}/,tls-ca={ca}";
            using WebSocketRig stranger = new($"{address},reconnect-ms=60000");
            Wait.Until(() => server.End.RefusedPeers == 1, "the refusal");
            Wait.Until(() => server.Log.Contains("it has no certificate"), "the reason in the log");
            using WebSocketRig client = new($"{address},tls-cert={clientPem}");
            Wait.Until(() => client.IsOpen && server.IsOpen, "the connection");
            byte[] bytes = RandomNumberGenerator.GetBytes(1_000_000);
            Task<byte[]> there = Task.Run(() => PortExchange.Run(server.Driver, 1, bytes, bytes.Length), Cancellation);
            Assert.Equal(bytes, PortExchange.Run(client.Driver, 1, bytes, bytes.Length));
            Assert.Equal(bytes, await there);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    [Fact]
    public async Task ClientChardev_ServerThatRefuses_IsNeverReady()
    {
        using WebSocketRig server = new("ws:127.0.0.1:0/console,server");
        using WebSocketRig client = new($"ws:127.0.0.1:{server.End.LocalAddress!.Port}/other");
        Exception failure = await Assert.ThrowsAnyAsync<IOException>(() => client.End.Ready.WaitAsync(WebSocketRig.Patience, Cancellation));
        Assert.Contains("404", failure.Message, StringComparison.Ordinal);
    }

    private static async Task SendAsync(ClientWebSocket client, byte[] bytes)
    {
        foreach (byte[] message in bytes.Chunk(1_000_000))
        {
            await WebSocketRig.SendAsync(client, message);
        }
    }
}
