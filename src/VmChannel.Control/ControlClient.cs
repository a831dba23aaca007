using System.Globalization;
using System.Net;
using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Net.Sockets;
using System.Net.WebSockets;
using System.Runtime.CompilerServices;
using System.Security.Cryptography;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;

namespace VmChannel.Control;

/// <summary>Talks to a server's control API. Thread-safe.</summary>
/// <remarks>Every call throws <see cref="ControlException"/> when the server cannot be reached or refuses; its message is for people.</remarks>
public sealed partial class ControlClient : IDisposable
{
    private const string Version = "v1";
    private const int WebSocketKeyBytes = 16;
    private static readonly TimeSpan ConnectTimeout = TimeSpan.FromSeconds(10);

    private readonly ControlAddress _address;
    private readonly HttpClient _http;

    /// <param name="address">Where the server is.</param>
    /// <param name="token">What a TCP server asks for.</param>
    public ControlClient(ControlAddress address, string? token = null)
    {
        _address = address;
        SocketsHttpHandler handler = new() { ConnectTimeout = ConnectTimeout, UseProxy = false, AllowAutoRedirect = false };
        if (address.Socket is string path)
        {
            handler.ConnectCallback = (_, cancellationToken) => ConnectAsync(path, cancellationToken);
        }

        _http = new HttpClient(handler) { BaseAddress = address.Uri, Timeout = Timeout.InfiniteTimeSpan };
        if (token is not null)
        {
            _http.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", token);
        }
    }

    /// <summary>How long a request may take; listening to events has no end.</summary>
    public TimeSpan RequestTimeout { get; init; } = TimeSpan.FromSeconds(60);

    public Task<ServerInfo> GetServerAsync(CancellationToken cancellationToken = default)
        => GetAsync("server", ControlJson.Default.ServerInfo, cancellationToken);

    public Task<IReadOnlyList<VmInfo>> GetVmsAsync(CancellationToken cancellationToken = default)
        => GetAsync("vms", ControlJson.Default.IReadOnlyListVmInfo, cancellationToken);

    public Task<VmInfo> GetVmAsync(string vm, CancellationToken cancellationToken = default)
        => GetAsync(Path("vms", vm), ControlJson.Default.VmInfo, cancellationToken);

    public Task<VmInspection> InspectAsync(string vm, CancellationToken cancellationToken = default)
        => GetAsync(Path("vms", vm, "inspect"), ControlJson.Default.VmInspection, cancellationToken);

    public Task<IReadOnlyList<PortInfo>> GetPortsAsync(string vm, CancellationToken cancellationToken = default)
        => GetAsync(Path("vms", vm, "ports"), ControlJson.Default.IReadOnlyListPortInfo, cancellationToken);

    /// <param name="vm">The VM.</param>
    /// <param name="port">Number, name, or the end of a name that no other port's has.</param>
    /// <param name="cancellationToken">Ends the waiting.</param>
    public Task<PortInfo> GetPortAsync(string vm, string port, CancellationToken cancellationToken = default)
        => GetAsync(Path("vms", vm, "ports", port), ControlJson.Default.PortInfo, cancellationToken);

    /// <summary>Plugs a port in.</summary>
    /// <param name="vm">The VM.</param>
    /// <param name="options">As for <c>-virtioserial</c>.</param>
    /// <param name="cancellationToken">Ends the waiting; the port may be plugged in all the same.</param>
    public Task<PortInfo> PlugAsync(string vm, string options, CancellationToken cancellationToken = default)
        => SendAsync(HttpMethod.Post, Path("vms", vm, "ports"), new OptionsRequest(options), ControlJson.Default.PortInfo, cancellationToken);

    /// <summary>Takes a port out.</summary>
    /// <inheritdoc cref="GetPortAsync"/>
    /// <returns>The port as it was.</returns>
    public Task<PortInfo> UnplugAsync(string vm, string port, CancellationToken cancellationToken = default)
        => SendAsync(HttpMethod.Delete, Path("vms", vm, "ports", port), null, ControlJson.Default.PortInfo, cancellationToken);

    /// <summary>Changes a port's host end, limits or policy; its guest keeps it open.</summary>
    /// <param name="vm">The VM.</param>
    /// <param name="port">Number, name, or the end of a name that no other port's has.</param>
    /// <param name="options">What to change, as for <c>-virtioserial</c>; the rest stays.</param>
    /// <param name="cancellationToken">Ends the waiting; the port may be changed all the same.</param>
    public Task<PortInfo> ChangeAsync(string vm, string port, string options, CancellationToken cancellationToken = default)
        => SendAsync(
            HttpMethod.Patch, Path("vms", vm, "ports", port), new OptionsRequest(options), ControlJson.Default.PortInfo, cancellationToken);

    /// <summary>Has the server read its configuration file again.</summary>
    public Task<ReloadResult> ReloadAsync(CancellationToken cancellationToken = default)
        => SendAsync(HttpMethod.Post, "reload", null, ControlJson.Default.ReloadResult, cancellationToken);

    /// <summary>Events as they happen, until cancelled or the server ends.</summary>
    /// <param name="vm">Of this VM alone; null = all.</param>
    /// <param name="after">From the one after this; null = from now on.</param>
    /// <param name="cancellationToken">Ends the listening.</param>
    public async IAsyncEnumerable<EventMessage> WatchAsync(
        string? vm = null, long? after = null, [EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        string query = string.Join('&', new[] { vm is null ? null : $"vm={Uri.EscapeDataString(vm)}", after is null ? null : FormattableString.Invariant($"after={after}") }.OfType<string>());
        using HttpRequestMessage request = new(HttpMethod.Get, $"{Version}/events{(query.Length == 0 ? "" : "?")}{query}");
        request.Headers.Accept.Add(new MediaTypeWithQualityHeaderValue("text/event-stream"));
        using HttpResponseMessage response = await SendAsync(request, cancellationToken);
        using Stream stream = await response.Content.ReadAsStreamAsync(cancellationToken);
        await foreach (EventMessage message in EventStream.ReadAsync(stream, cancellationToken))
        {
            yield return message;
        }
    }

    /// <summary>What is wrong with a VM's channels.</summary>
    public Task<VmDiagnosis> DiagnoseAsync(string vm, CancellationToken cancellationToken = default)
        => GetAsync(Path("vms", vm, "doctor"), ControlJson.Default.VmDiagnosis, cancellationToken);

    /// <summary>Records what goes through a port, from now on until it is unplugged.</summary>
    /// <param name="vm">The VM.</param>
    /// <param name="port">Number, name, or the end of a name that no other port's has.</param>
    /// <param name="cancellationToken">Ends the waiting for the first byte.</param>
    /// <returns>A capture file as it grows (docs/control.md); disposing it ends the recording.</returns>
    public async Task<Stream> CaptureAsync(string vm, string port, CancellationToken cancellationToken = default)
    {
        using HttpRequestMessage request = new(HttpMethod.Get, $"{Version}/{Path("vms", vm, "ports", port, "capture")}");
        HttpResponseMessage response = await SendAsync(request, cancellationToken);
        return await response.Content.ReadAsStreamAsync(cancellationToken);
    }

    /// <summary>Becomes a client of a port, beside its host end and its other clients.</summary>
    /// <param name="vm">The VM.</param>
    /// <param name="port">Number, name, or the end of a name that no other port's has.</param>
    /// <param name="access">Whether what is sent goes to the guest.</param>
    /// <param name="cancellationToken">Ends the waiting.</param>
    public Task<AttachedPort> AttachAsync(
        string vm, string port, AttachAccess access = AttachAccess.Shared, CancellationToken cancellationToken = default)
        => AttachAsync(vm, port, AttachUntil.PortEnd, access, cancellationToken);

    /// <summary>Becomes a client of a port, beside its host end and its other clients, for a time.</summary>
    /// <param name="vm">The VM.</param>
    /// <param name="port">Number, name, or the end of a name that no other port's has.</param>
    /// <param name="until">How long.</param>
    /// <param name="access">Whether what is sent goes to the guest.</param>
    /// <param name="cancellationToken">Ends the waiting.</param>
    public async Task<AttachedPort> AttachAsync(
        string vm, string port, AttachUntil until, AttachAccess access = AttachAccess.Shared, CancellationToken cancellationToken = default)
    {
        string query = $"access={Word(access)}{(until == AttachUntil.PortEnd ? "" : $"&until={Word(until)}")}";
        using HttpRequestMessage request = new(HttpMethod.Get, $"{Version}/{Path("vms", vm, "ports", port, "attach")}?{query}");
        request.Headers.Connection.Add("Upgrade");
        request.Headers.Upgrade.Add(new ProductHeaderValue("websocket"));
        request.Headers.Add("Sec-WebSocket-Version", "13");
        request.Headers.Add("Sec-WebSocket-Key", Convert.ToBase64String(RandomNumberGenerator.GetBytes(WebSocketKeyBytes)));
        HttpResponseMessage response = await SendAsync(request, cancellationToken);
        if (response.StatusCode != HttpStatusCode.SwitchingProtocols)
        {
            response.Dispose();
            throw new ControlException($"{_address}: the server does not attach clients");
        }

        Stream stream = await response.Content.ReadAsStreamAsync(cancellationToken);
        int id = response.Headers.TryGetValues(AttachedPort.ClientHeader, out IEnumerable<string>? values)
            && int.TryParse(values.First(), NumberStyles.None, CultureInfo.InvariantCulture, out int given) ? given : 0;
        return new AttachedPort(WebSocket.CreateFromStream(stream, new WebSocketCreationOptions()), id);
    }

    public void Dispose() => _http.Dispose();

    private static string Word<T>(T value)
        where T : struct, Enum
        => JsonNamingPolicy.KebabCaseLower.ConvertName(value.ToString());

    private static string Path(params ReadOnlySpan<string> parts)
    {
        string path = "";
        foreach (string part in parts)
        {
            path += $"{(path.Length == 0 ? "" : "/")}{Uri.EscapeDataString(part)}";
        }

        return path;
    }

    private static async ValueTask<Stream> ConnectAsync(string path, CancellationToken cancellationToken)
    {
        Socket socket = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            await socket.ConnectAsync(new UnixDomainSocketEndPoint(path), cancellationToken);
            return new NetworkStream(socket, ownsSocket: true);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    private Task<T> GetAsync<T>(string path, JsonTypeInfo<T> answer, CancellationToken cancellationToken)
        => SendAsync(HttpMethod.Get, path, null, answer, cancellationToken);

    private async Task<T> SendAsync<T>(
        HttpMethod method, string path, OptionsRequest? body, JsonTypeInfo<T> answer, CancellationToken cancellationToken)
    {
        using HttpRequestMessage request = new(method, $"{Version}/{path}");
        request.Content = body is null ? null : JsonContent.Create(body, ControlJson.Default.OptionsRequest);
        using CancellationTokenSource limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        limit.CancelAfter(RequestTimeout);
        try
        {
            using HttpResponseMessage response = await SendAsync(request, limit.Token);
            return await response.Content.ReadFromJsonAsync(answer, limit.Token)
                ?? throw new ControlException($"{_address}: the server answered with nothing");
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            throw new ControlException($"{_address}: no answer within {RequestTimeout.TotalSeconds:0} s");
        }
        catch (JsonException e)
        {
            throw new ControlException($"{_address}: the server's answer makes no sense: {e.Message}", e);
        }
    }

    private async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
    {
        HttpResponseMessage response;
        try
        {
            response = await _http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, cancellationToken);
        }
        catch (HttpRequestException e)
        {
            throw new ControlException($"{_address}: {Explain(e)}", e) { IsUnreachable = e.HttpRequestError == HttpRequestError.ConnectionError };
        }

        if (response.IsSuccessStatusCode || response.StatusCode == HttpStatusCode.SwitchingProtocols)
        {
            return response;
        }

        using (response)
        {
            throw new ControlException(await ReadProblemAsync(response, cancellationToken));
        }
    }

    private static string Explain(HttpRequestException e) => (e.InnerException as SocketException)?.SocketErrorCode switch
    {
        SocketError.ConnectionRefused => "nobody listens there: the server has ended; start it with vmchannel serve",
        SocketError.AddressNotAvailable => "there is no such socket: is the server running?",
        SocketError.AccessDenied => "the socket is another user's: run this as the user who started the server",
        _ => e.InnerException is null ? e.Message : e.InnerException.Message,
    };

    private static async Task<Problem> ReadProblemAsync(HttpResponseMessage response, CancellationToken cancellationToken)
    {
        Problem unsaid = new(response.ReasonPhrase ?? "failed", (int)response.StatusCode);
        if (response.Content.Headers.ContentType?.MediaType != Problem.MediaType)
        {
            return unsaid;
        }

        try
        {
            return await response.Content.ReadFromJsonAsync(ControlJson.Default.Problem, cancellationToken) ?? unsaid;
        }
        catch (JsonException)
        {
            return unsaid;
        }
    }
}
