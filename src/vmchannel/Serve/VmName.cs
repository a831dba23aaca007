using System.Diagnostics.CodeAnalysis;
using VmChannel.Device;
using VmChannel.Device.Qmp;
using VmChannel.Device.VhostUser;

namespace VmChannel.Cli.Serve;

/// <summary>What people call a VM, in commands, in the control API and as a file's name: safe in all three.</summary>
internal static class VmName
{
    public const int MaxLength = 64;

    private const string Nameless = "vm";

    /// <summary>Letters, digits, <c>.</c>, <c>_</c> and <c>-</c>, the first of them a letter or a digit.</summary>
    /// <param name="text">The name.</param>
    /// <param name="reason">Otherwise the rest of a sentence that begins with the name.</param>
    public static bool IsValid(string text, [NotNullWhen(false)] out string? reason)
    {
        reason = text.Length == 0 ? "is empty"
            : text.Length > MaxLength ? $"is {text.Length} characters long; a VM's name has at most {MaxLength}"
            : !text.All(IsAllowed) ? "may have letters, digits, '.', '_' and '-' only"
            : !char.IsAsciiLetterOrDigit(text[0]) ? "must begin with a letter or a digit"
            : null;
        return reason is null;
    }

    /// <summary>The name of a VM that was not given one: the front-end's socket <c>/run/vm1.sock</c> makes <c>vm1</c>.</summary>
    public static string For(VmEndpoint? endpoint, UsbPlan? usb = null)
    {
        string path = endpoint switch
        {
            VhostUserEndpoint.Listen(var address) => address.Name,
            VhostUserEndpoint.Connect(var address) => address.Name,
            QmpEndpoint(var monitor, _) => monitor.Name,
            SocketsEndpoint(var sockets) => sockets[0].Address.Name,
            null => usb?.Single?.Unix?.Name ?? Path.TrimEndingDirectorySeparator(usb?.Folder ?? ""),
            _ => "",
        };
        string name = string.Concat(Path.GetFileNameWithoutExtension(path).Select(c => IsAllowed(c) ? c : '-')).TrimStart('.', '_', '-');
        return name.Length == 0 ? Nameless : name[..Math.Min(name.Length, MaxLength)];
    }

    private static bool IsAllowed(char c) => char.IsAsciiLetterOrDigit(c) || c is '.' or '_' or '-';
}
