using VmChannel.Native;

namespace VmChannel.Guest;

/// <summary>Why a relay ended.</summary>
internal enum RelayEnd
{
    /// <summary>The host closed its end and everything it had sent is written.</summary>
    HostClosed,

    /// <summary>The input ended, and the time to wait for the host after that is over.</summary>
    InputEnded,

    /// <summary>Nobody reads the output any more.</summary>
    OutputClosed,

    /// <summary>The port was unplugged.</summary>
    Unplugged,
}

/// <summary>Moves bytes between an open port and this process's input and output, as nc does for a socket.</summary>
/// <param name="channel">A port, open for both directions and non-blocking.</param>
/// <param name="input">What is sent to the host until it ends.</param>
/// <param name="output">Gets what the host sends.</param>
/// <param name="lingerAfterInput">How long to go on after the end of the input; infinite: until the host closes.</param>
/// <remarks>
/// One thread polls and writes. The driver loses the wake-up of a blocked writer when somebody else polls the port (both reclaim the
/// ring, and the later one's interrupt finds nothing new), so there is nobody else; and a poll for room has a time limit besides.
/// A port has no half-close: the end of the input says nothing to the host. The other way, the driver answers 0 while the host is
/// closed, before it came as well as after: the first kind is waited for, the second ends the relay.
/// </remarks>
internal sealed class ChannelRelay(FileDescriptor channel, FileDescriptor input, FileDescriptor output, TimeSpan lingerAfterInput)
{
    // What the driver takes in one write.
    private const int BufferBytes = 32768;

    // A pipe that polls as writable takes this much without blocking (PIPE_BUF), and perhaps no more.
    private const int PipeBytes = 4096;

    // Poll reports a closed host at once and for ever, so that only looking now and then is left.
    private static readonly TimeSpan HostCheck = TimeSpan.FromMilliseconds(50);
    private static readonly TimeSpan RoomCheck = TimeSpan.FromMilliseconds(500);

    private readonly byte[] _toHost = new byte[BufferBytes];
    private readonly byte[] _toOutput = new byte[BufferBytes];
    private readonly bool _outputIsPipe = output.Kind() is FileKind.Fifo or FileKind.Socket;
    private Memory<byte> _hostRest;
    private Memory<byte> _outputRest;
    private Deadline? _linger;
    private bool _hostSeen;
    private bool _hostClosed = true;

    /// <summary>Bytes taken from the input that the driver had not taken when the relay ended.</summary>
    public int UnsentBytes => _hostRest.Length;

    /// <summary>Runs until one of the ends is gone.</summary>
    /// <exception cref="IOException">Reading the input or writing the output failed.</exception>
    public RelayEnd Run()
    {
        while (true)
        {
            RelayEnd? end = Step();
            if (end is not null)
            {
                return end.Value;
            }
        }
    }

    private RelayEnd? Step()
    {
        if (_linger is { IsOver: true } && _hostRest.IsEmpty && _outputRest.IsEmpty)
        {
            return RelayEnd.InputEnded;
        }

        PollEvents wanted = (_outputRest.IsEmpty ? PollEvents.In : 0) | (_hostRest.IsEmpty ? 0 : PollEvents.Out);
        Span<PollEntry> entries =
        [
            new(_hostClosed || wanted == 0 ? -1 : channel.Number, wanted),
            new(_linger is null && _hostRest.IsEmpty ? input.Number : -1, PollEvents.In),
            new(_outputRest.IsEmpty ? -1 : output.Number, PollEvents.Out),
        ];
        _ = Poll.Wait(entries, PollTime()).OrThrow("poll");
        _hostClosed = (entries[0].Ready & PollEvents.HangUp) != 0 || (_hostClosed && !_outputRest.IsEmpty);
        if (entries[1].Ready != 0)
        {
            TakeInput();
        }

        if (entries[2].Ready != 0 && !GiveOutput())
        {
            return RelayEnd.OutputClosed;
        }

        return Exchange();
    }

    private TimeSpan PollTime()
    {
        TimeSpan time = _hostClosed ? HostCheck : _hostRest.IsEmpty ? Timeout.InfiniteTimeSpan : RoomCheck;
        TimeSpan linger = _linger is { IsOver: false } deadline ? deadline.Left : Timeout.InfiniteTimeSpan;
        return time < TimeSpan.Zero || (linger >= TimeSpan.Zero && linger < time) ? linger : time;
    }

    private RelayEnd? Exchange()
    {
        if (!_hostRest.IsEmpty)
        {
            PosixResult written = channel.Write(_hostRest.Span);
            if (written.Error == Errno.NoDevice)
            {
                return RelayEnd.Unplugged;
            }

            // 0 is a race inside the driver and means the same as Again.
            _hostRest = _hostRest[(written.IsAgain ? 0 : written.OrThrow("write to the port"))..];
        }

        if (!_outputRest.IsEmpty)
        {
            return null;
        }

        PosixResult read = channel.Read(_toOutput);
        if (read.Error == Errno.NoDevice)
        {
            return RelayEnd.Unplugged;
        }

        _hostClosed = read is { IsSuccess: true, Value: 0 };
        if (_hostClosed)
        {
            return _hostSeen ? RelayEnd.HostClosed : null;
        }

        _hostSeen = true;
        _outputRest = _toOutput.AsMemory(0, read.IsAgain ? 0 : read.OrThrow("read from the port"));
        return null;
    }

    private void TakeInput()
    {
        int bytes = input.Read(_toHost).OrThrow("read the input");
        _hostRest = _toHost.AsMemory(0, bytes);
        if (bytes == 0)
        {
            _linger = new(lingerAfterInput);
        }
    }

    private bool GiveOutput()
    {
        ReadOnlySpan<byte> rest = _outputRest.Span;
        PosixResult written = output.Write(_outputIsPipe && rest.Length > PipeBytes ? rest[..PipeBytes] : rest);
        if (written.Error == Errno.BrokenPipe)
        {
            return false;
        }

        _outputRest = _outputRest[(written.IsAgain ? 0 : written.OrThrow("write the output"))..];
        return true;
    }
}
