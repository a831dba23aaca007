namespace VmChannel.Control;

/// <summary>What was on a clipboard, as it comes from the server.</summary>
/// <param name="mediaType">Such as <c>text/plain</c> or <c>image/png</c>.</param>
/// <param name="length">How many bytes there are.</param>
/// <param name="content">The bytes, once.</param>
public sealed class ClipboardData(string mediaType, long length, Stream content) : IDisposable
{
    /// <summary>Without parameters: text is UTF-8.</summary>
    public string MediaType { get; } = mediaType;

    public long Length { get; } = length;

    public Stream Content { get; } = content;

    public void Dispose() => Content.Dispose();
}
