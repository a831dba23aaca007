using System.Threading.Channels;
using Microsoft.Extensions.Logging;
using VmChannel.Device.Loop;
using VmChannel.Native;

namespace VmChannel.Device.Qmp;

/// <summary>Keeps a connection to QEMU's monitor, again and again, and QEMU's ports as they are wanted. Thread pool.</summary>
/// <param name="transport">Says what is wanted; is called on its loop.</param>
/// <param name="loop">The transport's.</param>
/// <param name="endpoint">QEMU.</param>
/// <param name="folder">Where the pipes are.</param>
/// <param name="maxPorts">Room of a controller that has to be added.</param>
/// <param name="log">One line per change.</param>
internal sealed partial class QmpKeeper(
    QmpTransport transport, DeviceLoop loop, QmpEndpoint endpoint, PipeFolder folder, int maxPorts, ILogger log) : IDisposable
{
    private static readonly TimeSpan Retry = TimeSpan.FromMilliseconds(500);
    private static readonly TimeSpan StopTime = TimeSpan.FromSeconds(4);

    private readonly Channel<bool> _looks = Channel.CreateBounded<bool>(new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropWrite });
    private readonly CancellationTokenSource _stop = new();
    private Task _running = Task.CompletedTask;

    /// <summary>Any thread: something else is wanted. Never blocks.</summary>
    public void Look() => _ = _looks.Writer.TryWrite(true);

    public void Start() => _running = Task.Run(RunAsync);

    /// <summary>Takes the ports out, unless they are to be left, and hangs up.</summary>
    public async Task StopAsync()
    {
        await _stop.CancelAsync();
        await _running;
    }

    public void Dispose() => _stop.Dispose();

    private async Task RunAsync()
    {
        string? known = null;
        while (!_stop.IsCancellationRequested)
        {
            QmpSession session = new(transport, loop, folder, maxPorts, log);
            try
            {
                await using QmpClient client = await QmpClient.ConnectAsync(endpoint.Monitor, session.OnEventAsync, _stop.Token);
                known = null;
                string reason = await ServeAsync(session, client);
                LogLeft(endpoint.Monitor.ToString(), reason);
                _ = await InvokeAsync(() => transport.OnDisconnected(reason));
            }
            catch (QmpException e)
            {
                if (e.Message != known)
                {
                    known = e.Message;
                    LogWaiting(endpoint.Monitor.ToString(), e.Message);
                }
            }
            catch (OperationCanceledException)
            {
                return;
            }

            await Task.WhenAny(Task.Delay(Retry, _stop.Token));
        }
    }

    /// <summary>Until either side has enough. Returns the reason.</summary>
    private async Task<string> ServeAsync(QmpSession session, QmpClient client)
    {
        PeerProcess process = PeerProcess.Of(client.Peer.Pid);
        try
        {
            LogConnected(client.Greeting.ToString(), process, endpoint.Monitor.ToString());
            await session.BeginAsync(client, process, _stop.Token);
            Task<bool>? look = null;
            while (true)
            {
                await session.ReconcileAsync(_stop.Token);

                // Waits without taking: what comes when this connection is over is the next one's to see.
                look ??= _looks.Reader.WaitToReadAsync(_stop.Token).AsTask();
                Task first = session.RetryTime is Task retry
                    ? await Task.WhenAny(look, client.Completion, retry)
                    : await Task.WhenAny(look, client.Completion);
                if (first == client.Completion)
                {
                    return await client.Completion;
                }

                if (first == look)
                {
                    _ = await look;
                    _ = _looks.Reader.TryRead(out _);
                    look = null;
                }
            }
        }
        catch (QmpException e)
        {
            return client.Completion.IsCompleted ? await client.Completion : e.Message;
        }
        catch (OperationCanceledException)
        {
            if (!endpoint.LeavesPorts)
            {
                using CancellationTokenSource limit = new(StopTime);
                await session.RemoveAllAsync(limit.Token);
            }

            return "the server stops";
        }
    }

    private Task<bool> InvokeAsync(Action action)
        => loop.InvokeAsync(() =>
        {
            action();
            return true;
        });

    [LoggerMessage(140, LogLevel.Information, "QEMU {Version} ({Process}) is there, at {Monitor}")]
    private partial void LogConnected(string version, PeerProcess process, string monitor);

    [LoggerMessage(141, LogLevel.Information, "QEMU at {Monitor} has left: {Reason}")]
    private partial void LogLeft(string monitor, string reason);

    [LoggerMessage(142, LogLevel.Warning, "waiting for QEMU at {Monitor}: {Reason}; QEMU serves its monitor there with -qmp unix:{Monitor},server=on,wait=off")]
    private partial void LogWaiting(string monitor, string reason);
}
