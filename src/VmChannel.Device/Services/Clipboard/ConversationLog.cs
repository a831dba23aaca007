using Microsoft.Extensions.Logging;
using VmChannel.Wire.VdAgent;

namespace VmChannel.Device.Services.Clipboard;

/// <summary>What the log says about a guest's clipboard. Never what is on it.</summary>
internal static partial class ConversationLog
{
    [LoggerMessage(63, LogLevel.Information, "clipboard: {Bytes} bytes of {Type} from the guest's {Selection}")]
    internal static partial void GuestData(this ILogger log, int bytes, string type, string selection);

    [LoggerMessage(65, LogLevel.Warning, "clipboard: message {Type} of {Bytes} bytes from the guest ignored (and {Held} before it)")]
    internal static partial void MessageIgnored(this ILogger log, MessageType type, uint bytes, long held);

    [LoggerMessage(66, LogLevel.Warning, "clipboard: message {Type} of {Bytes} bytes refused: the limit is {MaxBytes} (and {Held} before it)")]
    internal static partial void MessageRefused(this ILogger log, MessageType type, uint bytes, int maxBytes, long held);
}
