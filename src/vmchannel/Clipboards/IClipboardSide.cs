namespace VmChannel.Cli.Clipboards;

/// <summary>One of the clipboards that a bridge keeps in step.</summary>
internal interface IClipboardSide
{
    /// <summary>For messages.</summary>
    string Name { get; }

    /// <summary>Calls back whenever somebody may have copied there; once too often does no harm.</summary>
    /// <exception cref="IOException">It cannot be watched any more: the message says why.</exception>
    Task WatchAsync(Func<Task> changed, CancellationToken cancellation);

    /// <summary>What somebody copied there; null when there is nothing, or only what came from a bridge.</summary>
    /// <exception cref="IOException">It cannot be had.</exception>
    Task<ClipboardItem?> ReadAsync(CancellationToken cancellation);

    /// <summary>Copies something there. When this is done, <see cref="ReadAsync"/> gives that, or null, or what is newer.</summary>
    /// <exception cref="IOException">It does not take it.</exception>
    Task WriteAsync(ClipboardItem item, CancellationToken cancellation);
}
