using VmChannel.Wire.VdAgent;

namespace VmChannel.Device.Services.Clipboard;

/// <summary>Somebody on the host waits for data of the guest.</summary>
internal sealed class GuestFetch(ClipboardType type)
{
    private readonly TaskCompletionSource<ClipboardContent> _result = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private long _heard = Environment.TickCount64;

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

    /// <summary>Something was heard of it: patience begins anew.</summary>
    public void Renew() => Volatile.Write(ref _heard, Environment.TickCount64);

    /// <summary>The data, held by the caller.</summary>
    /// <param name="patience">The longest silence; a slow transfer may take longer as a whole.</param>
    /// <param name="cancellation">Nobody wants it any more.</param>
    /// <exception cref="ClipboardException">It cannot be had.</exception>
    public async Task<ClipboardContent> WaitAsync(TimeSpan patience, CancellationToken cancellation)
    {
        try
        {
            return await WaitWhileHeardOfAsync(patience, cancellation);
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

    private async Task<ClipboardContent> WaitWhileHeardOfAsync(TimeSpan patience, CancellationToken cancellation)
    {
        for (TimeSpan left = patience; ;)
        {
            try
            {
                return await _result.Task.WaitAsync(left, cancellation);
            }
            catch (TimeoutException)
            {
                left = patience - TimeSpan.FromMilliseconds(Environment.TickCount64 - Volatile.Read(ref _heard));
                if (left <= TimeSpan.Zero)
                {
                    throw;
                }
            }
        }
    }
}
