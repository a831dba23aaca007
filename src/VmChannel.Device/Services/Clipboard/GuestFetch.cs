using VmChannel.Wire.VdAgent;

namespace VmChannel.Device.Services.Clipboard;

/// <summary>Somebody on the host waits for data of the guest.</summary>
internal sealed class GuestFetch(ClipboardType type)
{
    private readonly TaskCompletionSource<ClipboardContent> _result = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public ClipboardType Type { get; } = type;

    /// <summary>Nobody waits any more, or it is done.</summary>
    public bool IsOver => _result.Task.IsCompleted;

    public void Complete(ClipboardContent content)
    {
        if (!_result.TrySetResult(content))
        {
            content.Dispose();
        }
    }

    public void Fail(ClipboardFault fault, string message) => _ = _result.TrySetException(new ClipboardException(fault, message));

    /// <summary>The data, held by the caller.</summary>
    /// <exception cref="ClipboardException">It cannot be had.</exception>
    public async Task<ClipboardContent> WaitAsync(TimeSpan patience, CancellationToken cancellation)
    {
        try
        {
            return await _result.Task.WaitAsync(patience, cancellation);
        }
        catch (Exception e) when (e is TimeoutException or OperationCanceledException)
        {
            if (!_result.TrySetCanceled(CancellationToken.None) && _result.Task.IsCompletedSuccessfully)
            {
                (await _result.Task).Dispose();
            }

            if (e is TimeoutException)
            {
                throw new ClipboardException(
                    ClipboardFault.NoAnswer, $"the guest's agent gave no {ClipboardWords.Of(Type)} within {patience.TotalSeconds:0} s");
            }

            throw;
        }
    }
}
