using System.Buffers;

namespace VmChannel.Mux;

/// <summary>Where the frames of a session go.</summary>
internal interface IMuxSink
{
    /// <summary>Bytes of a stream are announced, by a frame that may open it.</summary>
    /// <returns>Who takes them; null = nobody does any more.</returns>
    /// <exception cref="MuxException">The other end breaks the protocol.</exception>
    MuxStream? Begin(MuxFrame frame);

    /// <summary>All bytes of the frame have come.</summary>
    void End(MuxFrame frame, MuxStream? stream);

    /// <summary>A frame without bytes.</summary>
    /// <exception cref="MuxException">The other end breaks the protocol.</exception>
    void Take(MuxFrame frame);
}

/// <summary>Reads the frames of a session, and notices when the other end begins anew.</summary>
/// <param name="ours">This end's nonce.</param>
/// <param name="theirs">The nonce of the session's other end.</param>
/// <param name="sink">Where frames go.</param>
internal sealed class MuxIntake(MuxNonce ours, MuxNonce theirs, IMuxSink sink)
{
    private readonly byte[] _tail = new byte[2 * MuxPreface.Size];
    private int _tailLength;
    private MuxFrame _frame;
    private MuxStream? _target;
    private int _left;

    /// <summary>Takes what came.</summary>
    /// <returns>Bytes taken; the rest is the beginning of a header.</returns>
    /// <exception cref="MuxException">The other end breaks the protocol, or was opened anew.</exception>
    public int Take(ReadOnlySpan<byte> input)
    {
        ReadOnlySpan<byte> all = input;
        while (!input.IsEmpty)
        {
            if (_left > 0)
            {
                input = input[TakeBytes(input)..];
                continue;
            }

            if (input[0] == MuxPreface.FirstByte)
            {
                if (!TakePreface(ref input))
                {
                    break;
                }

                continue;
            }

            OperationStatus status = MuxFrame.TryRead(input, out MuxFrame frame);
            if (status == OperationStatus.NeedMoreData)
            {
                break;
            }

            if (status == OperationStatus.InvalidData)
            {
                throw MuxException.Breach("the other end sends what is no mux frame");
            }

            input = input[MuxFrame.Size..];
            Begin(frame);
        }

        return all.Length - input.Length;
    }

    private void Begin(MuxFrame frame)
    {
        if (frame.Type != MuxFrameType.Data)
        {
            sink.Take(frame);
            return;
        }

        if (frame.Length > MuxOptions.MaxWindowBytes)
        {
            throw MuxException.Breach($"the other end announces {frame.Length} bytes at once, more than any window");
        }

        _target = sink.Begin(frame);
        _frame = frame;
        _left = (int)frame.Length;
        _tailLength = 0;
        if (_left == 0)
        {
            sink.End(frame, _target);
        }
    }

    private int TakeBytes(ReadOnlySpan<byte> input)
    {
        ReadOnlySpan<byte> bytes = input[..Math.Min(_left, input.Length)];
        _target?.Intake.Receive(bytes);
        _left -= bytes.Length;
        if (_left == 0)
        {
            sink.End(_frame, _target);
        }
        else
        {
            LookForRestart(bytes);
        }

        return bytes.Length;
    }

    /// <summary>At a frame's end a hello of another opening is one; repetitions of what began this session are not.</summary>
    private bool TakePreface(ref ReadOnlySpan<byte> input)
    {
        switch (MuxPreface.TryRead(input, out MuxPreface message))
        {
            case OperationStatus.NeedMoreData:
                return false;
            case OperationStatus.Done when message.Kind == MuxPrefaceKind.Ack || message.Sender == theirs:
                input = input[MuxPreface.Size..];
                return true;
            case OperationStatus.Done:
                throw Restarted();
            default:
                throw MuxException.Breach("the other end sends what is no mux frame");
        }
    }

    /// <summary>
    /// An end that is killed may leave a frame unfinished, and whoever follows it says hello inside of that frame, again and
    /// again, since nobody answers. Twice the same at the end of what came so far is no coincidence.
    /// </summary>
    private void LookForRestart(ReadOnlySpan<byte> bytes)
    {
        if (bytes.Length >= _tail.Length)
        {
            bytes[^_tail.Length..].CopyTo(_tail);
            _tailLength = _tail.Length;
        }
        else
        {
            int kept = Math.Min(_tailLength, _tail.Length - bytes.Length);
            _tail.AsSpan(_tailLength - kept, kept).CopyTo(_tail);
            bytes.CopyTo(_tail.AsSpan(kept));
            _tailLength = kept + bytes.Length;
        }

        if (_tailLength == _tail.Length
            && MuxPreface.TryRead(_tail, out MuxPreface first) == OperationStatus.Done
            && MuxPreface.TryRead(_tail.AsSpan(MuxPreface.Size), out MuxPreface second) == OperationStatus.Done
            && first == second && first.Kind == MuxPrefaceKind.Hello && first.Sender != theirs && first.Sender != ours)
        {
            throw Restarted();
        }
    }

    private static MuxException Restarted() => new("the other end was opened anew") { IsPeerRestarted = true };
}
