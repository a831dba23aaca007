using System.Globalization;
using System.Text.Json;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core.Features;
using VmChannel.Cli.Metrics;
using VmChannel.Cli.Serve;
using VmChannel.Control;

namespace VmChannel.Cli.Control;

/// <summary>One request to the control API.</summary>
/// <param name="Http">As the web server has it.</param>
/// <param name="Route">The operation.</param>
/// <param name="Values">What its pattern names.</param>
/// <param name="Server">What it is about.</param>
/// <param name="Metrics">What is counted.</param>
/// <param name="Cancellation">The client has gone, the server ends, or the time is up.</param>
internal sealed record ControlCall(
    HttpContext Http, ControlRoute Route, IReadOnlyDictionary<string, string> Values, Server Server, ServerMetrics Metrics,
    CancellationToken Cancellation)
{
    private const int MaxOptionsLength = 16 * 1024;

    /// <summary>The VM the path names.</summary>
    /// <exception cref="ProblemException">There is none.</exception>
    public VmHost Vm => FindVm(Values["vm"]);

    /// <summary>The port the path names.</summary>
    /// <exception cref="ProblemException">There is none, or the name may mean several.</exception>
    public ServedPort Port => PortNames.Find(Vm, Values["port"]);

    /// <exception cref="ProblemException">There is none.</exception>
    public VmHost FindVm(string name)
        => Server.Find(name) ?? throw new ProblemException(
            StatusCodes.Status404NotFound,
            "no such VM",
            $"no VM {name} is served here: {(Server.Vms.Count == 0 ? "there is none" : "there is " + string.Join(", ", Server.Vms.Select(vm => vm.Name)))}");

    /// <summary>The options in the body.</summary>
    /// <exception cref="ProblemException">It is not <c>{"options":"…"}</c>.</exception>
    public async Task<string> ReadOptionsAsync()
    {
        if (!Http.Request.HasJsonContentType())
        {
            throw new ProblemException(
                StatusCodes.Status415UnsupportedMediaType, "not JSON", "send {\"options\":\"…\"} with Content-Type: application/json");
        }

        try
        {
            OptionsRequest? request = await Http.Request.ReadFromJsonAsync(ControlJson.Default.OptionsRequest, Cancellation);
            return request?.Options is not { } options ? throw BadBody("it is null")
                : options.Length > MaxOptionsLength ? throw BadBody($"options has {options.Length} characters, more than {MaxOptionsLength}")
                : options;
        }
        catch (JsonException e)
        {
            throw BadBody(e.Message);
        }
    }

    /// <summary>A whole number in the query; null when it is not there.</summary>
    /// <exception cref="ProblemException">It is no number.</exception>
    public long? QueryNumber(string name)
        => Http.Request.Query[name].ToString() is not { Length: > 0 } text ? null
            : long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out long number) ? number
            : throw new ProblemException(StatusCodes.Status400BadRequest, "bad query", $"{name}={text}: a whole number is needed");

    /// <summary>The client may read as slowly as it likes: the web server does not hang up.</summary>
    public void AllowSlowReader()
    {
        if (Http.Features.Get<IHttpMinResponseDataRateFeature>() is { } rate)
        {
            rate.MinDataRate = null;
        }
    }

    /// <summary>The client may send as slowly as it likes.</summary>
    public void AllowSlowSender()
    {
        if (Http.Features.Get<IHttpMinRequestBodyDataRateFeature>() is { } rate)
        {
            rate.MinDataRate = null;
        }
    }

    /// <summary>The body may be of any length: whoever reads it refuses what is too long, since the web server would hang up, and the client would not hear why.</summary>
    public void AllowLongBody()
    {
        if (Http.Features.Get<IHttpMaxRequestBodySizeFeature>() is { IsReadOnly: false } size)
        {
            size.MaxRequestBodySize = null;
        }
    }

    /// <summary>Writes the whole answer.</summary>
    public async Task AnswerAsync(byte[] json)
    {
        Http.Response.StatusCode = Route.Status;
        Http.Response.ContentType = Route.MediaType;
        Http.Response.ContentLength = json.Length;
        await Http.Response.Body.WriteAsync(json, Cancellation);
    }

    private static ProblemException BadBody(string reason)
        => new(StatusCodes.Status400BadRequest, "bad body", $"the body is not {{\"options\":\"…\"}}: {reason}");
}
