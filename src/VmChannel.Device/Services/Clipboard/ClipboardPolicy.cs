using System.Diagnostics.CodeAnalysis;
using VmChannel.Wire.VdAgent;

namespace VmChannel.Device.Services.Clipboard;

/// <summary>What may pass between a host's clipboard and a guest's.</summary>
/// <param name="ToGuest">What the host copies is offered to the guest.</param>
/// <param name="FromGuest">What the guest copies can be had on the host.</param>
/// <param name="Types">In these forms.</param>
/// <param name="MaxBytes">Up to this length, both ways.</param>
internal sealed record ClipboardPolicy(bool ToGuest, bool FromGuest, ClipboardTypes Types, int MaxBytes)
{
    /// <summary>What the options <c>direction=</c>, <c>types=</c> and <c>max-size=</c> are called.</summary>
    public static IReadOnlyList<string> Keys { get; } = ["direction", "types", "max-size"];

    /// <summary>The longest <c>max-size=</c>: 1 GiB.</summary>
    public const int LongestBytes = 1024 * 1024 * 1024;

    public static ClipboardPolicy Default { get; } = new(ToGuest: true, FromGuest: true, ClipboardTypes.Data, 64 * 1024 * 1024);

    /// <summary>Reads it from a service's options; what is not among them is as in <see cref="Default"/>.</summary>
    /// <param name="options">Other options are not looked at.</param>
    /// <param name="policy">What they say.</param>
    /// <param name="error">Which option is wrong, and what it may be.</param>
    public static bool TryRead(
        IReadOnlyDictionary<string, string> options, [NotNullWhen(true)] out ClipboardPolicy? policy, [NotNullWhen(false)] out string? error)
    {
        policy = Default;
        error = null;
        if (options.TryGetValue("direction", out string? direction))
        {
            policy = policy with { ToGuest = direction is "both" or "host-to-guest", FromGuest = direction is "both" or "guest-to-host" };
            error = policy is { ToGuest: false, FromGuest: false } && direction != "none"
                ? $"direction={direction}: both, host-to-guest, guest-to-host or none is needed"
                : null;
        }

        if (options.TryGetValue("types", out string? types))
        {
            ClipboardType?[] read = [.. types.Split('+').Select(ClipboardWords.ParseType)];
            policy = policy with { Types = read.Aggregate(ClipboardTypes.None, (set, type) => set | (type ?? ClipboardType.None).Only()) };
            error ??= read.Contains(null) ? $"types={types}: some of {string.Join('+', ClipboardWords.TypeWords)} are needed" : null;
        }

        if (options.TryGetValue("max-size", out string? size))
        {
            bool isRead = ByteSize.TryParse(size, out long bytes);
            policy = policy with { MaxBytes = (int)Math.Clamp(bytes, 1, LongestBytes) };
            error ??= !isRead || bytes is < 1 or > LongestBytes ? $"max-size={size}: a number of bytes from 1 to 1G is needed, such as 64M" : null;
        }

        policy = error is null ? policy : null;
        return error is null;
    }
}
