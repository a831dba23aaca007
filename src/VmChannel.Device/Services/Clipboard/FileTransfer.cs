using VmChannel.Wire.VdAgent;

namespace VmChannel.Device.Services.Clipboard;

/// <summary>One file on its way to the guest. Its sender's thread, and the conversation's.</summary>
/// <param name="id">Names it in messages.</param>
internal sealed class FileTransfer(uint id) : IDisposable
{
    /// <summary>Pieces that may wait to be sent.</summary>
    private const int MaxWaiting = 4;

    private readonly SemaphoreSlim _room = new(MaxWaiting, MaxWaiting);
    private readonly TaskCompletionSource _welcome = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource _arrived = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public uint Id { get; } = id;

    /// <summary>It has failed: the guest takes no more of it.</summary>
    public bool IsOver => _arrived.Task.IsCompleted;

    /// <summary>The guest said how it goes.</summary>
    public void On(FileTransferResult result)
    {
        switch (result)
        {
            case FileTransferResult.CanSendData:
                _ = _welcome.TrySetResult();
                break;
            case FileTransferResult.Success:
                _ = _welcome.TrySetResult();
                _ = _arrived.TrySetResult();
                break;
            case FileTransferResult.NotEnoughSpace:
                Fail(ClipboardFault.TooLong, "the guest has not enough space for it");
                break;
            case FileTransferResult.SessionLocked:
                Fail(ClipboardFault.Forbidden, "the guest's session is locked, and takes no file then");
                break;
            case FileTransferResult.AgentNotConnected:
                Fail(ClipboardFault.NoAgent, "nobody is logged in at the guest who has an agent");
                break;
            case FileTransferResult.Disabled:
                Fail(ClipboardFault.Forbidden, "the guest's agent takes no files");
                break;
            case FileTransferResult.Cancelled:
                Fail(ClipboardFault.Refused, "the guest has cancelled it: its agent does not take it, or could not write it");
                break;
            default:
                Fail(ClipboardFault.Refused, "the guest could not write it");
                break;
        }
    }

    public void Fail(ClipboardFault fault, string message)
    {
        ClipboardException failure = new(fault, message);
        _ = _welcome.TrySetException(failure);
        _ = _arrived.TrySetException(failure);

        // Nobody may wait for one of the two only.
        _ = _welcome.Task.Exception;
        _ = _arrived.Task.Exception;
    }

    /// <summary>A piece was sent.</summary>
    public void OnSent()
    {
        if (_room.CurrentCount < MaxWaiting)
        {
            _ = _room.Release();
        }
    }

    /// <summary>Waits until the guest wants the data.</summary>
    /// <exception cref="ClipboardException">It does not.</exception>
    public Task WaitForWelcomeAsync(TimeSpan patience, CancellationToken cancellation) => WaitAsync(_welcome.Task, patience, cancellation);

    /// <summary>Waits until another piece may be queued.</summary>
    /// <exception cref="ClipboardException">The guest takes no more.</exception>
    public async Task WaitForRoomAsync(TimeSpan patience, CancellationToken cancellation)
    {
        Task<bool> room = _room.WaitAsync(patience, cancellation);
        if (await Task.WhenAny(room, _arrived.Task) != room)
        {
            await _arrived.Task;
        }

        if (!await room)
        {
            throw Silent(patience);
        }
    }

    /// <summary>Waits until the guest has all of it.</summary>
    /// <exception cref="ClipboardException">It has not.</exception>
    public Task WaitForArrivalAsync(TimeSpan patience, CancellationToken cancellation) => WaitAsync(_arrived.Task, patience, cancellation);

    public void Dispose() => _room.Dispose();

    private static async Task WaitAsync(Task task, TimeSpan patience, CancellationToken cancellation)
    {
        try
        {
            await task.WaitAsync(patience, cancellation);
        }
        catch (TimeoutException)
        {
            throw Silent(patience);
        }
    }

    private static ClipboardException Silent(TimeSpan patience)
        => new(ClipboardFault.NoAnswer, $"the guest's agent said nothing about the file within {patience.TotalSeconds:0} s");
}
