namespace VmChannel.Device.Chardevs.Streams;

/// <summary>Somebody who is connected, and whose bytes async code moves.</summary>
/// <param name="stream">Owned from here on. Reading and writing happen at the same time, each by one task.</param>
/// <param name="who">For the log: <c>127.0.0.1:50412, certificate of alice</c>.</param>
/// <param name="end">Tells the peer that nothing follows; null when disposing the stream does.</param>
/// <param name="released">Called once the stream is not used any more; null when nobody has to know.</param>
internal sealed class StreamPeer(Stream stream, string who, Func<Task>? end = null, Action? released = null) : IAsyncDisposable
{
    public Stream Stream => stream;

    public string Who => who;

    /// <summary>Says goodbye if the peer still listens, for at most <paramref name="patience"/>.</summary>
    public async Task EndAsync(TimeSpan patience)
    {
        if (end is null)
        {
            return;
        }

        try
        {
            await end().WaitAsync(patience);
        }
        catch (Exception)
        {
            // Nobody is there to be told.
        }
    }

    public async ValueTask DisposeAsync()
    {
        try
        {
            await stream.DisposeAsync();
        }
        catch (Exception)
        {
            // What it could not say any more, it could not say; descriptors are closed in any case.
        }

        released?.Invoke();
    }
}
