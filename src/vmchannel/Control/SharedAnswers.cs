using System.Text.Json;
using System.Text.Json.Serialization.Metadata;

namespace VmChannel.Cli.Control;

/// <summary>Answers that are made once for all who wait for the same. Thread-safe.</summary>
/// <remarks>
/// A thousand clients that ask at once cost one look and one serialisation. No answer is ever older than its question: the
/// look comes after all that share it have asked, and who asks later waits for the next.
/// </remarks>
/// <param name="look">Finds the answer about a subject, without waiting.</param>
/// <param name="type">How an answer becomes JSON.</param>
/// <param name="turns">Who may look at the same time.</param>
internal sealed class SharedAnswers<TSubject, T>(Func<TSubject, T> look, JsonTypeInfo<T> type, SemaphoreSlim turns)
    where TSubject : class
{
    private readonly Lock _lock = new();
    private readonly Dictionary<TSubject, Task<byte[]>> _awaited = [];

    /// <param name="subject">What the question is about.</param>
    public Task<byte[]> GetAsync(TSubject subject)
    {
        lock (_lock)
        {
            if (!_awaited.TryGetValue(subject, out Task<byte[]>? answer))
            {
                // At the end of the pool's queue: whoever is in it already may join.
                answer = Task.Factory.StartNew(
                    () => MakeAsync(subject), CancellationToken.None, TaskCreationOptions.PreferFairness, TaskScheduler.Default).Unwrap();
                _awaited.Add(subject, answer);
            }

            return answer;
        }
    }

    private async Task<byte[]> MakeAsync(TSubject subject)
    {
        await turns.WaitAsync();
        try
        {
            lock (_lock)
            {
                _ = _awaited.Remove(subject);
            }

            return JsonSerializer.SerializeToUtf8Bytes(look(subject), type);
        }
        finally
        {
            _ = turns.Release();
        }
    }
}
