using Microsoft.AspNetCore.Http;
using VmChannel.Cli.Serve;
using VmChannel.Control;
using VmChannel.Device.Channels;
using VmChannel.Device.Services.Clipboard;

namespace VmChannel.Cli.Control;

/// <summary>Failures as clients are told them (RFC 9457).</summary>
internal static class Problems
{
    /// <summary>What a client is told; null for a defect of ours, which is nobody else's business.</summary>
    public static Problem? Describe(Exception failure) => failure switch
    {
        ProblemException { Problem: var problem } => problem,
        PortConflictException => new("no place for the port", StatusCodes.Status409Conflict, failure.Message),
        OptionException => BadOptions(failure.Message),
        ReloadException { Errors: var errors } => new(
            "bad configuration", StatusCodes.Status422UnprocessableEntity, "the configuration makes no sense; nothing was changed", Errors: errors),
        BadHttpRequestException bad => new("bad request", bad.StatusCode, bad.Message),
        ClipboardException clipboard => new("the clipboard does not do that", ClipboardRoutes.StatusOf(clipboard.Fault), failure.Message),
        HostEndException => new("the host end cannot start", StatusCodes.Status422UnprocessableEntity, failure.Message),
        IOException => new("it cannot be done", StatusCodes.Status422UnprocessableEntity, failure.Message),
        OperationCanceledException => new("no answer in time", StatusCodes.Status503ServiceUnavailable, "the server did not get it done in time: try again"),
        _ => null,
    };

    /// <summary>Options of a port that make no sense.</summary>
    public static Problem BadOptions(string error) => new("bad options", StatusCodes.Status400BadRequest, error);

    public static async Task WriteAsync(HttpContext http, Problem problem)
    {
        if (http.Response.HasStarted)
        {
            http.Abort();
            return;
        }

        http.Response.StatusCode = problem.Status;
        await http.Response.WriteAsJsonAsync(problem, ControlJson.Default.Problem, Problem.MediaType, http.RequestAborted);
    }
}
