namespace VmChannel.Wire.VdAgent;

/// <summary>Several forms of clipboard data: bit n is type n of <see cref="ClipboardType"/>.</summary>
[Flags]
public enum ClipboardTypes : uint
{
    None = 0,
    Utf8Text = 1u << (int)ClipboardType.Utf8Text,
    Png = 1u << (int)ClipboardType.Png,
    Bmp = 1u << (int)ClipboardType.Bmp,
    Tiff = 1u << (int)ClipboardType.Tiff,
    Jpeg = 1u << (int)ClipboardType.Jpeg,
    FileList = 1u << (int)ClipboardType.FileList,

    /// <summary>Those whose bytes are the data itself. A list of files has paths on a WebDAV share that a SPICE client would serve.</summary>
    Data = Utf8Text | Png | Bmp | Tiff | Jpeg,
}

/// <summary>One type among several.</summary>
public static class ClipboardTypeSet
{
    /// <summary>The set of this type alone; none for a type that is unknown.</summary>
    public static ClipboardTypes Only(this ClipboardType type)
        => type is > ClipboardType.None and <= ClipboardType.FileList ? (ClipboardTypes)(1u << (int)type) : ClipboardTypes.None;

    public static bool Has(this ClipboardTypes types, ClipboardType type) => (types & type.Only()) != ClipboardTypes.None;
}
