using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Net.ServerSentEvents;
using System.Runtime.CompilerServices;
using System.Text.Json;

namespace VmChannel.Control;

/// <content>Clipboards of guests: ports that the service <c>clipboard</c> serves.</content>
public sealed partial class ControlClient
{
    /// <summary>What is on a guest's clipboards.</summary>
    /// <inheritdoc cref="GetPortAsync"/>
    public Task<IReadOnlyList<ClipboardInfo>> GetClipboardAsync(string vm, string port, CancellationToken cancellationToken = default)
        => GetAsync(Path("vms", vm, "ports", port, "clipboard"), ControlJson.Default.IReadOnlyListClipboardInfo, cancellationToken);

    /// <summary>Pastes: what was copied last, by the guest or by the host.</summary>
    /// <param name="vm">The VM.</param>
    /// <param name="port">Number, name, or the end of a name that no other port's has.</param>
    /// <param name="selection">Which clipboard.</param>
    /// <param name="type">One of <see cref="ClipboardInfo.Types"/>; null = the first of them.</param>
    /// <param name="cancellationToken">Ends the waiting for the first byte.</param>
    /// <exception cref="ControlException">Nobody has copied anything (404), or its channel's options forbid it (403).</exception>
    public async Task<ClipboardData> PasteAsync(
        string vm, string port, ClipboardSelection selection = ClipboardSelection.Clipboard, string? type = null, CancellationToken cancellationToken = default)
    {
        string query = type is null ? "" : $"?type={Uri.EscapeDataString(type)}";
        using HttpRequestMessage request = new(HttpMethod.Get, $"{Version}/{Path("vms", vm, "ports", port, "clipboard", Word(selection))}{query}");
        HttpResponseMessage response = await SendAsync(request, cancellationToken);
        return new(
            response.Content.Headers.ContentType?.MediaType ?? "application/octet-stream",
            response.Content.Headers.ContentLength ?? 0,
            await response.Content.ReadAsStreamAsync(cancellationToken));
    }

    /// <summary>Copies: offers data to the guest, in place of whatever was on its clipboard.</summary>
    /// <param name="vm">The VM.</param>
    /// <param name="port">Number, name, or the end of a name that no other port's has.</param>
    /// <param name="content">The data, read to its end.</param>
    /// <param name="mediaType">Its form: <c>text/plain</c> (UTF-8), <c>image/png</c>, <c>image/bmp</c>, <c>image/tiff</c> or <c>image/jpeg</c>.</param>
    /// <param name="selection">Which clipboard.</param>
    /// <param name="cancellationToken">Ends the sending; nothing has changed then.</param>
    /// <returns>What is on the clipboard now.</returns>
    public async Task<ClipboardInfo> CopyAsync(
        string vm, string port, Stream content, string mediaType = "text/plain", ClipboardSelection selection = ClipboardSelection.Clipboard,
        CancellationToken cancellationToken = default)
    {
        using StreamContent body = new(content);
        body.Headers.ContentType = MediaTypeHeaderValue.Parse(mediaType);
        using HttpRequestMessage request = new(HttpMethod.Put, $"{Version}/{Path("vms", vm, "ports", port, "clipboard", Word(selection))}") { Content = body };

        // What is too long, or not wanted, is refused before it is sent.
        request.Headers.ExpectContinue = true;
        using HttpResponseMessage response = await SendAsync(request, cancellationToken);
        return await response.Content.ReadFromJsonAsync(ControlJson.Default.ClipboardInfo, cancellationToken)
            ?? throw new ControlException($"{_address}: the server answered with nothing");
    }

    /// <summary>Sends a file to the guest, whose agent saves it in a folder of its user. Completes when all of it is there.</summary>
    /// <param name="vm">The VM.</param>
    /// <param name="port">Number, name, or the end of a name that no other port's has.</param>
    /// <param name="name">What the file is to be called there.</param>
    /// <param name="content">Its bytes.</param>
    /// <param name="length">How many there are.</param>
    /// <param name="cancellationToken">Ends the sending; the guest is told, and drops what it has got.</param>
    /// <exception cref="ControlException">No agent is there (503), it does not take the file (409), its disk is full (413), or the channel's options forbid it (403).</exception>
    public async Task<SentFile> SendFileAsync(
        string vm, string port, string name, Stream content, long length, CancellationToken cancellationToken = default)
    {
        using StreamContent body = new(content);
        body.Headers.ContentType = new MediaTypeHeaderValue("application/octet-stream");
        body.Headers.ContentLength = length;
        using HttpRequestMessage request = new(
            HttpMethod.Post, $"{Version}/{Path("vms", vm, "ports", port, "clipboard", "files")}?name={Uri.EscapeDataString(name)}")
        { Content = body };
        request.Headers.ExpectContinue = true;
        using HttpResponseMessage response = await SendAsync(request, cancellationToken);
        return await response.Content.ReadFromJsonAsync(ControlJson.Default.SentFile, cancellationToken)
            ?? throw new ControlException($"{_address}: the server answered with nothing");
    }

    /// <summary>Takes back what the host offers; what the guest copied stays.</summary>
    /// <param name="vm">The VM.</param>
    /// <param name="port">Number, name, or the end of a name that no other port's has.</param>
    /// <param name="selection">Which clipboard.</param>
    /// <param name="cancellationToken">Ends the waiting.</param>
    /// <returns>What is on the clipboard now.</returns>
    public Task<ClipboardInfo> ClearClipboardAsync(
        string vm, string port, ClipboardSelection selection = ClipboardSelection.Clipboard, CancellationToken cancellationToken = default)
        => SendAsync(
            HttpMethod.Delete, Path("vms", vm, "ports", port, "clipboard", Word(selection)), null, ControlJson.Default.ClipboardInfo, cancellationToken);

    /// <summary>What is on a guest's clipboards, and each change of it from then on, until cancelled or the port is unplugged.</summary>
    /// <remarks>Of changes that follow each other faster than they are read, the last one of each clipboard comes.</remarks>
    /// <inheritdoc cref="GetPortAsync"/>
    public async IAsyncEnumerable<ClipboardInfo> WatchClipboardAsync(
        string vm, string port, [EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        using HttpRequestMessage request = new(HttpMethod.Get, $"{Version}/{Path("vms", vm, "ports", port, "clipboard", "events")}");
        request.Headers.Accept.Add(new MediaTypeWithQualityHeaderValue("text/event-stream"));
        using HttpResponseMessage response = await SendAsync(request, cancellationToken);
        using Stream stream = await response.Content.ReadAsStreamAsync(cancellationToken);
        await using IAsyncEnumerator<SseItem<ClipboardInfo?>> items = SseParser
            .Create(stream, (_, data) => JsonSerializer.Deserialize(data, ControlJson.Default.ClipboardInfo))
            .EnumerateAsync(cancellationToken).GetAsyncEnumerator(cancellationToken);
        while (await EventStream.NextAsync(items))
        {
            if (items.Current.Data is ClipboardInfo info)
            {
                yield return info;
            }
        }
    }
}
