using System.Net.WebSockets;
using VmChannel.Cli.WebSockets;
using VmChannel.Device.Chardevs;
using VmChannel.Device.Chardevs.Streams;
using VmChannel.Device.Ports;
using VmChannel.Testing;
using VmChannel.Testing.FrontEnds;
using Xunit;

namespace VmChannel.Cli.Tests.WebSockets;

/// <summary>A guest with one port that a WebSocket chardev serves.</summary>
internal sealed class WebSocketRig : IDisposable
{
    private readonly SerialRig _rig = new();
    private readonly FrontEnd _frontEnd;

    public WebSocketRig(string options)
    {
        Assert.True(ChardevOptions.TryParse(options, out ChardevSpec? spec, out string? error), error);
        End = (StreamEnd)ChardevFactory.Create(spec, _rig.Loop, _rig.Log, KestrelWebSockets.Shared);
        _rig.Plug(new PortSpec(1, "test.websocket"), End);
        (_frontEnd, Driver) = _rig.Boot();
        Driver.Open(1);
    }

    public StreamEnd End { get; }

    public SerialDriver Driver { get; }

    public LogLines Log => _rig.Log;

    public long FromGuestBytes => _rig.Ports[1].Counters.FromGuestBytes;

    public bool IsOpen => _rig.Thread.Invoke(() => End.IsOpen);

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    /// <summary>Connects as a browser would, or as a program that is none.</summary>
    public async Task<ClientWebSocket> ConnectAsync(string path = "/", string? origin = null, string? protocol = null)
    {
        ClientWebSocket socket = new();
        if (origin is not null)
        {
            socket.Options.SetRequestHeader("Origin", origin.Replace("PORT", $"{End.LocalAddress!.Port}", StringComparison.Ordinal));
        }

        if (protocol is not null)
        {
            socket.Options.AddSubProtocol(protocol);
        }

        await socket.ConnectAsync(new Uri($"ws://127.0.0.1:{End.LocalAddress!.Port}{path}"), Cancellation).WaitAsync(Patience, Cancellation);
        return socket;
    }

    public static TimeSpan Patience => TimeSpan.FromSeconds(30);

    public static async Task<byte[]> ReceiveAsync(WebSocket socket, int count)
    {
        byte[] bytes = new byte[count];
        for (int at = 0; at < count;)
        {
            ValueWebSocketReceiveResult result = await socket.ReceiveAsync(bytes.AsMemory(at), Cancellation).AsTask().WaitAsync(Patience, Cancellation);
            Assert.Equal(WebSocketMessageType.Binary, result.MessageType);
            at += result.Count;
        }

        return bytes;
    }

    public static Task SendAsync(WebSocket socket, ReadOnlyMemory<byte> bytes, WebSocketMessageType type = WebSocketMessageType.Binary, bool isEnd = true)
        => socket.SendAsync(bytes, type, isEnd, Cancellation).AsTask().WaitAsync(Patience, Cancellation);

    public void Dispose()
    {
        _frontEnd.Dispose();
        _rig.Unplug(1);
        _rig.Dispose();
        Driver.Dispose();
        _frontEnd.Ram.Dispose();
    }
}
