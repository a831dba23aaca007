using System.Threading.Channels;

namespace VmChannel.Mux;

/// <summary>Both ends find out that the other is there, and where a session's bytes begin.</summary>
/// <remarks>
/// A vmchannel holds bytes: what an earlier program wrote, or was sent, may still arrive. So each end says hello with a
/// nonce of its own, repeats it until it is answered, answers the other's, and drops everything before the answer to its
/// own. After that answer come the session's bytes.
/// </remarks>
/// <param name="transport">The channel.</param>
/// <param name="options">This end's.</param>
/// <param name="buffer">What is read goes here.</param>
internal sealed class MuxHandshake(Stream transport, MuxOptions options, MuxBuffer buffer)
{
    /// <summary>Only the newest hello matters: who sends many has restarted many times.</summary>
    private readonly Channel<MuxPreface> _answers = Channel.CreateBounded<MuxPreface>(
        new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropOldest, SingleReader = true, SingleWriter = true });

    private MuxPreface? _peer;

    /// <summary>Of this end.</summary>
    public MuxNonce Nonce { get; } = MuxNonce.Create();

    /// <summary>What the other end said of itself, once <see cref="RunAsync"/> is done.</summary>
    public MuxPreface Peer => _peer!.Value;

    /// <summary>Waits until the other end has answered. Bytes of the session that were read stay in the buffer.</summary>
    /// <exception cref="MuxException">The channel ended, the other end has another version, or is this one: an echo.</exception>
    public async Task RunAsync(CancellationToken cancellationToken)
    {
        using CancellationTokenSource failed = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        Task saying = SayAsync(failed.Token);
        try
        {
            while (!HasAnswer())
            {
                Task<bool> reading = buffer.FillAsync(transport, failed.Token).AsTask();
                if (await Task.WhenAny(reading, saying) == saying && saying.IsFaulted)
                {
                    await saying;
                }

                if (!await reading)
                {
                    throw new MuxException("the channel ended before a mux answered at its other end") { IsEarlyEnd = true };
                }
            }

            _ = _answers.Writer.TryComplete();
            await saying;
        }
        catch
        {
            await failed.CancelAsync();
            await saying.ContinueWith(static _ => { }, CancellationToken.None, TaskContinuationOptions.None, TaskScheduler.Default);
            throw;
        }
    }

    /// <summary>Takes what was read, and answers hellos. True once the answer to this end's was among it.</summary>
    private bool HasAnswer()
    {
        ReadOnlySpan<byte> input = buffer.Unread;
        bool hasAnswer = false;
        while (!hasAnswer && MuxPreface.TryFind(ref input, out MuxPreface message))
        {
            hasAnswer = message.Kind == MuxPrefaceKind.Ack && message.Answered == Nonce;
            if (hasAnswer || message.Kind == MuxPrefaceKind.Hello)
            {
                Greet(message);
            }
        }

        buffer.Take(buffer.Unread.Length - input.Length);
        return hasAnswer;
    }

    /// <summary>Who said this last is who the session is with. What of a hello was cut off may look like another's: an answer tells.</summary>
    private void Greet(MuxPreface message)
    {
        if (message.Sender == Nonce)
        {
            throw new MuxException("the channel's other end sends back what it gets: an echo, not a mux");
        }

        if (message.Version != MuxPreface.CurrentVersion)
        {
            throw new MuxException(
                $"the other end speaks version {message.Version} of the mux protocol, this one {MuxPreface.CurrentVersion}: use the same version of vmchannel at both ends");
        }

        if (message.Sender != _peer?.Sender)
        {
            _ = _answers.Writer.TryWrite(Say(MuxPrefaceKind.Ack, message.Sender));
        }

        _peer = message;
    }

    private MuxPreface Say(MuxPrefaceKind kind, MuxNonce answered = default)
        => new(kind, MuxPreface.CurrentVersion, (uint)options.WindowBytes, Nonce, answered);

    /// <summary>Says hello now and then, and answers, until nothing more is to be answered.</summary>
    private async Task SayAsync(CancellationToken cancellationToken)
    {
        byte[] bytes = new byte[MuxPreface.Size];
        Task<bool>? waiting = null;
        for (MuxPreface next = Say(MuxPrefaceKind.Hello); ;)
        {
            next.Write(bytes);
            await transport.WriteAsync(bytes, cancellationToken);
            await transport.FlushAsync(cancellationToken);
            waiting ??= _answers.Reader.WaitToReadAsync(cancellationToken).AsTask();
            await ((Task)waiting).WaitAsync(options.HelloInterval, cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            cancellationToken.ThrowIfCancellationRequested();
            next = Say(MuxPrefaceKind.Hello);
            if (waiting.IsCompletedSuccessfully)
            {
                if (!await waiting)
                {
                    return;
                }

                _ = _answers.Reader.TryRead(out next);
                waiting = null;
            }
        }
    }
}
