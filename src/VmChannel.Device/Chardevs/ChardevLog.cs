using Microsoft.Extensions.Logging;

namespace VmChannel.Device.Chardevs;

/// <summary>What chardevs tell besides a port's own "host connected" and "host disconnected".</summary>
internal static partial class ChardevLog
{
    [LoggerMessage(20, LogLevel.Debug, "{Chardev}: listening")]
    internal static partial void Listening(ILogger log, string chardev);

    [LoggerMessage(21, LogLevel.Information, "{Chardev}: the pseudo-terminal is {Path}")]
    internal static partial void PseudoTerminal(ILogger log, string chardev, string path);

    [LoggerMessage(22, LogLevel.Warning, "{Message}; tries again every {Milliseconds} ms")]
    internal static partial void Retrying(ILogger log, string message, long milliseconds);

    [LoggerMessage(23, LogLevel.Warning, "{Chardev}: cannot write: {Reason}; the guest's bytes wait until it can")]
    internal static partial void Held(ILogger log, string chardev, string reason);

    [LoggerMessage(24, LogLevel.Warning, "{Chardev}: cannot accept a client: {Reason}; tries again")]
    internal static partial void CannotAccept(ILogger log, string chardev, string reason);

    [LoggerMessage(25, LogLevel.Error, "{Message}")]
    internal static partial void Failed(ILogger log, string message);

    [LoggerMessage(84, LogLevel.Warning, "{Chardev}: refused {Who}: it is not among allow={Policy}{Swallowed}")]
    internal static partial void Refused(ILogger log, string chardev, string who, PeerPolicy policy, string swallowed);
}
