namespace VmChannel.Device.Chardevs.Streams;

/// <summary>Where the peers of a <see cref="StreamEnd"/> come from: those who connect to us, or the one we connect to.</summary>
internal interface IStreamSource : IDisposable
{
    /// <summary>How a person would name it.</summary>
    string Description { get; }

    /// <summary>The guest may be shown the device only once somebody was there.</summary>
    bool IsAwaited { get; }

    /// <summary>Loop thread, once: opens and checks what can be checked now.</summary>
    /// <param name="refused">Called on any thread with each peer that is turned away, and why, for people.</param>
    /// <exception cref="Channels.HostEndException">It cannot work: the message says what and what to do.</exception>
    void Start(Action<string> refused);

    /// <summary>Pool thread, one at a time: the next peer, however long that takes.</summary>
    /// <exception cref="Channels.HostEndException">Nobody will ever come.</exception>
    /// <exception cref="OperationCanceledException">Nobody waits any more.</exception>
    Task<StreamPeer> NextAsync(CancellationToken cancellation);
}
