namespace VmChannel.Cli.Serve;

/// <summary>Lets changes of one thing happen one after the other, in the order in which they were asked for. Thread-safe.</summary>
internal sealed class ChangeQueue
{
    private readonly Lock _lock = new();
    private Task _last = Task.CompletedTask;

    /// <summary>Runs a change after all those before it, whatever became of them.</summary>
    /// <param name="change">The change.</param>
    /// <param name="cancellationToken">A change that has not begun yet is left out.</param>
    public async Task<T> RunAsync<T>(Func<Task<T>> change, CancellationToken cancellationToken)
    {
        TaskCompletionSource over = new(TaskCreationOptions.RunContinuationsAsynchronously);
        Task before;
        lock (_lock)
        {
            before = _last;
            _last = over.Task;
        }

        try
        {
            await before.WaitAsync(cancellationToken);
        }
        catch (OperationCanceledException)
        {
            _ = before.ContinueWith(_ => over.SetResult(), TaskScheduler.Default);
            throw;
        }

        try
        {
            cancellationToken.ThrowIfCancellationRequested();
            return await change();
        }
        finally
        {
            over.SetResult();
        }
    }
}
