using System.Security.Cryptography;

namespace VmChannel.Cli.Clipboards;

/// <summary>Something that was copied, as it is passed from one clipboard to others.</summary>
/// <param name="MediaType">Its form.</param>
/// <param name="Bytes">The data.</param>
internal sealed record ClipboardItem(string MediaType, byte[] Bytes)
{
    /// <summary>Two items with the same data in the same form have the same.</summary>
    public string Identity { get; } = $"{MediaType} {Convert.ToHexStringLower(SHA256.HashData(Bytes))}";
}
