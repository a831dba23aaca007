using VmChannel.Wire.VdAgent;

namespace VmChannel.Desktop;

/// <summary>The names under which programs know forms of data, best first.</summary>
/// <remarks>ICCCM §2.6.2 and RFC 6838; Wayland's programs use both kinds.</remarks>
internal static class MediaTypes
{
    public static IReadOnlyList<(string Name, ClipboardType Type)> All { get; } =
    [
        ("UTF8_STRING", ClipboardType.Utf8Text), ("text/plain;charset=utf-8", ClipboardType.Utf8Text), ("text/plain", ClipboardType.Utf8Text),
        ("image/png", ClipboardType.Png), ("image/bmp", ClipboardType.Bmp), ("image/tiff", ClipboardType.Tiff), ("image/jpeg", ClipboardType.Jpeg),
        ("image/x-bmp", ClipboardType.Bmp), ("image/x-MS-bmp", ClipboardType.Bmp),
    ];

    /// <summary>None for a name that we do not know.</summary>
    public static ClipboardType TypeOf(string name) => All.FirstOrDefault(known => known.Name == name).Type;
}
