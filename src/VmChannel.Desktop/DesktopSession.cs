using VmChannel.Desktop.Wayland;
using VmChannel.Desktop.X11;

namespace VmChannel.Desktop;

/// <summary>Which desktop a session's environment says there is.</summary>
internal static class DesktopSession
{
    /// <summary>Connects to the named display, or to what <c>WAYLAND_DISPLAY</c> says, else <c>DISPLAY</c>.</summary>
    /// <param name="display"><c>:0</c> is X11's, anything else a Wayland socket's name or path; null = see the environment.</param>
    /// <param name="notice">Is told why X11 is used although there is a Wayland session.</param>
    /// <exception cref="IOException">There is none, or it has no clipboard for programs without a window.</exception>
    public static IDesktopClipboard Open(string? display, Action<string> notice)
    {
        string? wayland = display is null ? Environment.GetEnvironmentVariable("WAYLAND_DISPLAY") : display.Contains(':', StringComparison.Ordinal) ? null : display;
        string? x11 = display is null ? Environment.GetEnvironmentVariable("DISPLAY") : wayland is null ? display : null;
        if (!string.IsNullOrEmpty(wayland))
        {
            try
            {
                return WaylandClipboard.Open(wayland);
            }
            catch (IOException e) when (!string.IsNullOrEmpty(x11))
            {
                notice($"{e.Message}; X11's display {x11} is used, whose clipboard most compositors keep in step");
            }
        }

        return string.IsNullOrEmpty(x11)
            ? throw new IOException("neither WAYLAND_DISPLAY nor DISPLAY is set: start it in the desktop's session, or name the display with --display")
            : X11Clipboard.Open(DisplayName.Parse(x11));
    }
}
