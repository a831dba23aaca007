using System.Buffers;
using System.Diagnostics.CodeAnalysis;
using System.IO.Pipelines;
using System.Threading.Channels;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.Logging;
using VmChannel.Mux;

namespace VmChannel.AspNetCore;

/// <summary>A channel whose streams become connections, each of the protocol that its first bytes say.</summary>
[SuppressMessage("Design", "CA1001", Justification = "The last listener ends it: see ReleaseAsync.")]
internal sealed partial class VmChannelSource
{
    /// <summary>Who says nothing for so long is given to HTTP/1.1, which has limits of its own.</summary>
    private static readonly TimeSpan FirstWordTime = TimeSpan.FromSeconds(10);

    private readonly MuxLink _link;
    private readonly Channel<MuxStream> _http1 = Channel.CreateUnbounded<MuxStream>();
    private readonly Channel<MuxStream> _http2 = Channel.CreateUnbounded<MuxStream>();
    private readonly CancellationTokenSource _unbound = new();
    private readonly Lock _gate = new();
    private Task? _accepting;
    private ILogger? _log;
    private string? _lastTrouble;
    private int _users;

    public VmChannelSource(string name, Func<CancellationToken, ValueTask<Stream>> open, MuxOptions? options)
    {
        Name = name;
        _link = new MuxLink(open, options) { Interrupted = Tell };
    }

    public string Name { get; }

    /// <summary>RFC 9113 §3.4.</summary>
    private static ReadOnlySpan<byte> Http2Preface => "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"u8;

    /// <summary>One of the two listeners begins.</summary>
    public void Start(ILogger log)
    {
        lock (_gate)
        {
            _users++;
            _log ??= log;
            _accepting ??= AcceptAllAsync();
        }
    }

    /// <returns>Null once it is unbound.</returns>
    public async ValueTask<MuxStream?> AcceptAsync(HttpProtocols protocol, CancellationToken cancellationToken)
    {
        ChannelReader<MuxStream> reader = QueueOf(protocol).Reader;
        while (await reader.WaitToReadAsync(cancellationToken))
        {
            if (reader.TryRead(out MuxStream? stream))
            {
                return stream;
            }
        }

        return null;
    }

    /// <summary>No new connections of a protocol; without any, no new streams.</summary>
    public void Unbind(HttpProtocols protocol)
    {
        _ = QueueOf(protocol).Writer.TryComplete();
        if (_http1.Reader.Completion.IsCompleted && _http2.Reader.Completion.IsCompleted)
        {
            _unbound.Cancel();
        }
    }

    /// <summary>A listener ends; the last one takes the channel with it.</summary>
    public async ValueTask ReleaseAsync()
    {
        lock (_gate)
        {
            if (--_users > 0)
            {
                return;
            }
        }

        await _unbound.CancelAsync();
        await (_accepting ?? Task.CompletedTask);
        await _link.DisposeAsync();
    }

    private Channel<MuxStream> QueueOf(HttpProtocols protocol) => protocol == HttpProtocols.Http2 ? _http2 : _http1;

    private async Task AcceptAllAsync()
    {
        try
        {
            while (true)
            {
                MuxStream stream = await _link.AcceptStreamAsync(_unbound.Token);
                _lastTrouble = null;
                _ = SortAsync(stream);
            }
        }
        catch (Exception e) when (e is OperationCanceledException or ObjectDisposedException)
        {
            // Nobody listens any more.
        }
    }

    private async Task SortAsync(MuxStream stream)
    {
        try
        {
            HttpProtocols protocol = await IsHttp2Async(stream.AsPipe().Input) ? HttpProtocols.Http2 : HttpProtocols.Http1;
            if (!QueueOf(protocol).Writer.TryWrite(stream))
            {
                stream.Abort();
            }
        }
        catch (MuxException)
        {
            await stream.DisposeAsync(); // it ended before it said anything
        }
    }

    /// <summary>Looks at the first bytes, and leaves them where they are.</summary>
    private static async Task<bool> IsHttp2Async(PipeReader input)
    {
        using CancellationTokenSource limit = new(FirstWordTime);
        await using CancellationTokenRegistration wake = limit.Token.UnsafeRegister(static reader => ((PipeReader)reader!).CancelPendingRead(), input);
        for (long seen = 0; ;)
        {
            ReadResult result = await input.ReadAsync(CancellationToken.None);
            ReadOnlySequence<byte> buffer = result.Buffer;
            bool isPrefix = IsPrefix(buffer);
            if (!isPrefix || buffer.Length >= Http2Preface.Length || result.IsCompleted || result.IsCanceled)
            {
                // What was looked at before cannot be unseen, or the next reader would wait for more.
                input.AdvanceTo(buffer.Start, buffer.GetPosition(seen));
                return isPrefix && buffer.Length >= Http2Preface.Length;
            }

            seen = buffer.Length;
            input.AdvanceTo(buffer.Start, buffer.End);
        }
    }

    private static bool IsPrefix(ReadOnlySequence<byte> buffer)
    {
        Span<byte> start = stackalloc byte[(int)Math.Min(buffer.Length, Http2Preface.Length)];
        buffer.Slice(0, start.Length).CopyTo(start);
        return Http2Preface.StartsWith(start);
    }

    /// <summary>What is usual, such as a host end that goes, is a detail; the same trouble is told once.</summary>
    private void Tell(Exception reason)
    {
        if (reason is MuxException)
        {
            LogSessionEnded(_log!, Name, reason.Message);
        }
        else if (_lastTrouble != reason.Message)
        {
            _lastTrouble = reason.Message;
            LogTrouble(_log!, Name, reason.Message);
        }
    }

    [LoggerMessage(1, LogLevel.Debug, "channel {Name}: {Reason}; waiting for the next")]
    private static partial void LogSessionEnded(ILogger log, string name, string reason);

    [LoggerMessage(2, LogLevel.Warning, "channel {Name}: {Reason}; trying again")]
    private static partial void LogTrouble(ILogger log, string name, string reason);
}
