using System.Buffers;
using System.IO.Pipelines;
using VmChannel.Wire.VdAgent;

namespace VmChannel.Device.Services.Clipboard;

/// <summary>Files on their way to the guest of one conversation, and the messages for them that are still to be sent. Any thread.</summary>
/// <remarks>spice-protocol <c>vd_agent.h</c>, VD_AGENT_FILE_XFER_*. The channel is what makes a sender wait: the protocol has no other way.</remarks>
internal sealed class FileTransfers(Action filled)
{
    /// <summary>Files at a time. spice-vdagentd takes 128.</summary>
    private const int MaxTransfers = 16;

    private const int PieceBytes = 32 * 1024;

    private readonly Lock _lock = new();
    private readonly Dictionary<uint, FileTransfer> _transfers = [];
    // A piece of a file with the file it is of, which may be over by now.
    private readonly Queue<(OutgoingMessage Message, FileTransfer? Piece)> _messages = new();
    private uint _lastId;
    private bool _isOver;

    /// <summary>Sends one, and waits until the guest has all of it.</summary>
    /// <param name="name">What the guest is to call it; the agent there decides.</param>
    /// <param name="bytes">How long it is.</param>
    /// <param name="input">Read after the guest has said that it wants it, and to its end when it does not.</param>
    /// <param name="patience">The longest silence of the guest.</param>
    /// <param name="cancellation">Nobody wants it any more: the guest is told.</param>
    /// <exception cref="ClipboardException">The guest does not take it, or took only a part.</exception>
    public async Task SendAsync(string name, long bytes, PipeReader input, TimeSpan patience, CancellationToken cancellation)
    {
        using FileTransfer transfer = Begin();
        FileTransferResult end = FileTransferResult.Cancelled;
        try
        {
            Queue(new(MessageType.FileTransferStart, default, new FileTransferStart(transfer.Id, name, (ulong)bytes).ToBytes()));
            await transfer.WaitForWelcomeAsync(patience, cancellation);
            long left = bytes;
            do
            {
                // One with nothing in it if that is the file: the guest saves when it has come.
                await transfer.WaitForRoomAsync(patience, cancellation);
                byte[] piece = new byte[Math.Min(left, PieceBytes)];
                await ReadAsync(input, piece, cancellation);
                Queue(new(MessageType.FileTransferData, new FileTransferData(transfer.Id, (ulong)piece.Length).ToBytes(), piece), transfer);
                left -= piece.Length;
            }
            while (left > 0);

            await transfer.WaitForArrivalAsync(patience, cancellation);
            end = FileTransferResult.Success;
        }
        finally
        {
            End(transfer, end);
        }
    }

    /// <summary>The guest said how one goes.</summary>
    public void On(in FileTransferStatus status)
    {
        lock (_lock)
        {
            if (_transfers.TryGetValue(status.Id, out FileTransfer? transfer))
            {
                transfer.On(status.Result);
            }
        }
    }

    /// <summary>The next message; false when there is none.</summary>
    public bool TryTake(out OutgoingMessage message)
    {
        lock (_lock)
        {
            bool isThere = _messages.TryDequeue(out (OutgoingMessage Message, FileTransfer? Piece) next);
            message = next.Message;
            if (next.Piece is { } file && _transfers.ContainsKey(file.Id))
            {
                file.OnSent();
            }

            return isThere;
        }
    }

    /// <summary>The agent has gone, or begun anew: it knows of none of them.</summary>
    public void FailAll(string reason, bool isOver)
    {
        lock (_lock)
        {
            _isOver = isOver;
            _messages.Clear();
            foreach (FileTransfer transfer in _transfers.Values)
            {
                transfer.Fail(ClipboardFault.NoAgent, reason);
            }
        }
    }

    private FileTransfer Begin()
    {
        lock (_lock)
        {
            if (_isOver || _transfers.Count == MaxTransfers)
            {
                throw new ClipboardException(ClipboardFault.NoAgent, _isOver ? "the guest's agent has gone" : $"{MaxTransfers} files are on their way already");
            }

            FileTransfer transfer = new(unchecked(++_lastId));
            _transfers[transfer.Id] = transfer;
            return transfer;
        }
    }

    private void End(FileTransfer transfer, FileTransferResult result)
    {
        lock (_lock)
        {
            _ = _transfers.Remove(transfer.Id);
            if (result == FileTransferResult.Cancelled && !transfer.IsOver && !_isOver)
            {
                Queue(new(MessageType.FileTransferStatus, new FileTransferStatus(transfer.Id, result).ToBytes(), ReadOnlyMemory<byte>.Empty));
            }
        }
    }

    private void Queue(OutgoingMessage message, FileTransfer? piece = null)
    {
        lock (_lock)
        {
            if (!_isOver)
            {
                _messages.Enqueue((message, piece));
            }
        }

        filled();
    }

    private static async Task ReadAsync(PipeReader input, Memory<byte> piece, CancellationToken cancellation)
    {
        if (piece.IsEmpty)
        {
            return;
        }

        ReadResult read = await input.ReadAtLeastAsync(piece.Length, cancellation);
        if (read.Buffer.Length < piece.Length)
        {
            input.AdvanceTo(read.Buffer.End);
            throw new ClipboardException(ClipboardFault.NotThere, "the file ended before its length: it has changed, or whoever sent it has gone");
        }

        ReadOnlySequence<byte> taken = read.Buffer.Slice(0, piece.Length);
        taken.CopyTo(piece.Span);
        input.AdvanceTo(taken.End);
    }
}
