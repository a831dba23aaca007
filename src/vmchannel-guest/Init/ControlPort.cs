using System.Buffers;
using VmChannel.Native;
using VmChannel.Wire;

namespace VmChannel.GuestTool.Init;

/// <summary>The conversation with the host: one thread reads and blocks, others write and block, nobody polls (see the driver's lost wake-up).</summary>
internal sealed class ControlPort(FileDescriptor port)
{
    private static readonly TimeSpan HostCheck = TimeSpan.FromMilliseconds(20);

    private readonly Lock _writing = new();
    private readonly Lock _resizing = new();
    private readonly TaskCompletionSource<RunCommand> _command = new();
    private readonly TaskCompletionSource<string> _ended = new();
    private Action<int>? _signalled;
    private Action<TerminalSize>? _resized;
    private int _pendingSignal;
    private TerminalSize? _pendingSize;

    /// <summary>Why the conversation is over; never fails.</summary>
    public Task<string> Ended => _ended.Task;

    /// <summary>The host's command, once it has come.</summary>
    public Task<RunCommand> Command => _command.Task;

    /// <summary>Starts reading.</summary>
    public void Start() => new Thread(Read) { IsBackground = true, Name = "control" }.Start();

    /// <summary>Sends a message. Any thread; waits while the host does not read.</summary>
    /// <returns>False when the port is gone.</returns>
    public bool Send(RunMessage message)
    {
        lock (_writing)
        {
            return PortWriter.WriteAll(port, message.ToLine());
        }
    }

    /// <summary>Gets the host's signals from now on, and the last of those that came already.</summary>
    public void OnSignal(Action<int> signalled)
    {
        Volatile.Write(ref _signalled, signalled);
        int pending = Interlocked.Exchange(ref _pendingSignal, 0);
        if (pending != 0)
        {
            signalled(pending);
        }
    }

    /// <summary>Gets the size of the host's terminal, and then each that follows.</summary>
    public void OnResize(Action<TerminalSize> resized)
    {
        lock (_resizing)
        {
            _resized = resized;
            if (_pendingSize is TerminalSize size)
            {
                resized(size);
            }
        }
    }

    private void Read()
    {
        try
        {
            _ended.SetResult(ReadUntilEnd());
        }
        catch (Exception fault)
        {
            _ended.SetResult($"control port: {fault.Message}");
        }
    }

    private string ReadUntilEnd()
    {
        ArrayBufferWriter<byte> received = new();
        bool hostSeen = false;
        while (true)
        {
            PosixResult read = port.Read(received.GetSpan(4096));
            if (read is { IsSuccess: true, Value: 0 })
            {
                if (hostSeen)
                {
                    return "the host has closed the control port";
                }

                // The driver says 0 as long as the host has not opened its end, and offers nothing to wait for but a poll.
                _ = Poll.Wait([], HostCheck);
                continue;
            }

            if (!read.IsSuccess)
            {
                return $"control port: {read.Message}";
            }

            hostSeen = true;
            received.Advance((int)read.Value);
            ReadOnlySpan<byte> rest = received.WrittenSpan;
            OperationStatus status;
            while ((status = RunMessage.TryTake(ref rest, out RunMessage? message, out string? reason)) != OperationStatus.NeedMoreData)
            {
                if (status == OperationStatus.InvalidData)
                {
                    return $"the host sent what is no message: {reason}";
                }

                Take(message!);
            }

            byte[] left = rest.ToArray();
            received.ResetWrittenCount();
            received.Write(left);
        }
    }

    private void Resize(TerminalSize size)
    {
        lock (_resizing)
        {
            _pendingSize = size;
            _resized?.Invoke(size);
        }
    }

    private void Take(RunMessage message)
    {
        switch (message)
        {
            case RunCommand command:
                _command.TrySetResult(command);
                break;
            case RunSignal { Signal: int signal } when Volatile.Read(ref _signalled) is { } signalled:
                signalled(signal);
                break;
            case RunSignal { Signal: int signal }:
                _pendingSignal = signal;
                break;
            case RunResize { Columns: ushort columns, Rows: ushort rows }:
                Resize(new(columns, rows));
                break;
            default:
                // The host's own words back, or a newer host's: nothing to do.
                break;
        }
    }
}
