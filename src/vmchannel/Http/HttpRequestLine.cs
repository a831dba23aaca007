using System.Net;
using System.Net.Http.Headers;
using System.Text;
using VmChannel.Cli.CommandLine;

namespace VmChannel.Cli.Http;

/// <summary>A request as it is written on a command line.</summary>
internal static class HttpRequestLine
{
    /// <param name="method">Such as GET.</param>
    /// <param name="path">Path and query.</param>
    /// <param name="headers">Each as <c>Name: value</c>.</param>
    /// <param name="data">A text, <c>@FILE</c>, <c>-</c> for standard input, or null for none.</param>
    /// <param name="isHttp2">Without TLS nothing is negotiated.</param>
    /// <exception cref="UsageException">Something of it makes no sense.</exception>
    public static HttpRequestMessage Read(string method, string path, IReadOnlyList<string> headers, string? data, bool isHttp2)
    {
        if (method.Length == 0 || !method.All(char.IsAsciiLetter))
        {
            throw new UsageException($"http: {method} is no method such as GET or POST");
        }

        if (!path.StartsWith('/') || !Uri.TryCreate($"http://guest{path}", UriKind.Absolute, out Uri? uri))
        {
            throw new UsageException($"http: {path}: a path such as /status is needed");
        }

        HttpRequestMessage request = new(new HttpMethod(method.ToUpperInvariant()), uri)
        {
            Version = isHttp2 ? HttpVersion.Version20 : HttpVersion.Version11,
            VersionPolicy = HttpVersionPolicy.RequestVersionExact,
            Content = data is null ? null : ContentOf(data),
        };
        foreach (string header in headers)
        {
            Add(request, header);
        }

        return request;
    }

    private static void Add(HttpRequestMessage request, string header)
    {
        int colon = header.IndexOf(':', StringComparison.Ordinal);
        string name = colon <= 0 ? "" : header[..colon].Trim();
        string value = header[(colon + 1)..].Trim();
        if (name.Length == 0 || value.Any(char.IsControl) || !TryAdd(request, name, value))
        {
            throw new UsageException($"--header {StandardStream.Printable(header)}: a header such as 'Accept: text/html' is needed");
        }
    }

    private static bool TryAdd(HttpRequestMessage request, string name, string value)
    {
        if (request.Headers.TryAddWithoutValidation(name, value))
        {
            return true;
        }

        try
        {
            // What describes a body is its content's.
            request.Content ??= new ByteArrayContent([]);
            _ = request.Content.Headers.Remove(name);
            return request.Content.Headers.TryAddWithoutValidation(name, value);
        }
        catch (FormatException)
        {
            return false;
        }
    }

    private static HttpContent ContentOf(string data)
    {
        HttpContent content;
        try
        {
            content = data switch
            {
                "-" => new StreamContent(Console.OpenStandardInput()),
                ['@', .. var file] => new StreamContent(File.OpenRead(file)),
                _ => new ByteArrayContent(Encoding.UTF8.GetBytes(data)),
            };
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException)
        {
            throw new UsageException($"--data {data}: {e.Message}");
        }

        content.Headers.ContentType = new MediaTypeHeaderValue(data is ['{' or '[', ..] ? "application/json" : "application/octet-stream");
        return content;
    }
}
