using System.Buffers;
using System.Text;
using System.Text.Json;
using System.Text.Unicode;
using VmChannel.Cli.CommandLine;
using VmChannel.Control;

namespace VmChannel.Cli.Http;

/// <summary>Prints a server's answer.</summary>
/// <param name="isJson">As one object, for programs.</param>
/// <param name="hasHeaders">Otherwise: status and headers before the body.</param>
internal sealed class HttpAnswer(bool isJson, bool hasHeaders)
{
    private const int BufferBytes = 64 * 1024;

    /// <summary>An object is made in memory.</summary>
    private const int MaxJsonBytes = 64 * 1024 * 1024;

    public async Task PrintAsync(HttpResponseMessage response, CancellationToken cancellationToken)
    {
        await using Stream body = await response.Content.ReadAsStreamAsync(cancellationToken);
        if (isJson)
        {
            _ = StandardStream.WriteOutput(Object(response, await ReadAsync(body, cancellationToken)));
            return;
        }

        if (hasHeaders && !StandardStream.WriteOutput(Head(response)))
        {
            return;
        }

        byte[] buffer = new byte[BufferBytes];
        while (await body.ReadAsync(buffer, cancellationToken) is int count and > 0 && StandardStream.WriteOutput(buffer.AsSpan(0, count)))
        {
        }
    }

    private static string Head(HttpResponseMessage response)
    {
        StringBuilder text = new($"HTTP/{response.Version} {(int)response.StatusCode} {StandardStream.Printable(response.ReasonPhrase ?? "")}".TrimEnd() + "\n");
        foreach ((string name, string value) in Headers(response))
        {
            text.Append(StandardStream.Printable(name)).Append(": ").Append(StandardStream.Printable(value)).Append('\n');
        }

        return text.Append('\n').ToString();
    }

    private static IEnumerable<(string Name, string Value)> Headers(HttpResponseMessage response)
        => response.Headers.NonValidated.Concat(response.Content.Headers.NonValidated)
            .SelectMany(header => header.Value.Select(value => (header.Key, value)));

    private static async Task<byte[]> ReadAsync(Stream body, CancellationToken cancellationToken)
    {
        using MemoryStream all = new();
        byte[] buffer = new byte[BufferBytes];
        while (await body.ReadAsync(buffer, cancellationToken) is int count and > 0)
        {
            await all.WriteAsync(buffer.AsMemory(0, count), cancellationToken);
            if (all.Length > MaxJsonBytes)
            {
                throw new ControlException($"the body is more than {MaxJsonBytes >> 20} MiB: leave --json out");
            }
        }

        return all.ToArray();
    }

    private static ReadOnlySpan<byte> Object(HttpResponseMessage response, byte[] body)
    {
        ArrayBufferWriter<byte> text = new();
        using (Utf8JsonWriter json = new(text, new JsonWriterOptions { Indented = true }))
        {
            json.WriteStartObject();
            json.WriteNumber("status", (int)response.StatusCode);
            json.WriteString("reason", response.ReasonPhrase);
            json.WriteString("version", response.Version.ToString());
            json.WriteStartObject("headers");
            foreach (IGrouping<string, string> header in Headers(response).GroupBy(header => header.Name, header => header.Value, StringComparer.OrdinalIgnoreCase))
            {
                json.WriteStartArray(header.Key);
                foreach (string value in header)
                {
                    json.WriteStringValue(value);
                }

                json.WriteEndArray();
            }

            json.WriteEndObject();
            if (Utf8.IsValid(body))
            {
                json.WriteString("body", body);
            }
            else
            {
                json.WriteBase64String("bodyBase64", body);
            }

            json.WriteEndObject();
        }

        text.Write("\n"u8);
        return text.WrittenSpan;
    }
}
