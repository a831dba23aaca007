using Microsoft.Extensions.Logging;
using VmChannel.Wire.VdAgent;

namespace VmChannel.Device.Services.Clipboard;

/// <summary>What the log says about a guest's clipboard. Never the text itself.</summary>
internal static partial class ConversationLog
{
    [LoggerMessage(63, LogLevel.Information, "clipboard: guest copied {Bytes} bytes of text")]
    internal static partial void GuestText(this ILogger log, int bytes);

    [LoggerMessage(64, LogLevel.Information, "clipboard: guest gave no text: it has none any more, or more than {MaxBytes} bytes")]
    internal static partial void NoGuestText(this ILogger log, int maxBytes);

    [LoggerMessage(65, LogLevel.Warning, "clipboard: message {Type} of {Bytes} bytes from the guest ignored (and {Held} before it)")]
    internal static partial void MessageIgnored(this ILogger log, MessageType type, uint bytes, long held);

    [LoggerMessage(66, LogLevel.Warning, "clipboard: message {Type} of {Bytes} bytes refused: the limit is {MaxBytes} (and {Held} before it)")]
    internal static partial void MessageRefused(this ILogger log, MessageType type, uint bytes, int maxBytes, long held);
}
