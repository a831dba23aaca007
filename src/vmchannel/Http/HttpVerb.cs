using System.CommandLine;
using VmChannel.Cli.Client;
using VmChannel.Cli.CommandLine;
using VmChannel.Control;

namespace VmChannel.Cli.Http;

/// <summary><c>vmchannel http</c>: one request to a server in a guest.</summary>
internal static class HttpVerb
{
    private const int FirstFailure = 400;

    private const string Manual = """
        vmchannel http - ask a server in a guest

        Usage:
          vmchannel http [VM] NAME METHOD /PATH [--header 'NAME: VALUE']... [--data TEXT|@FILE|-] [--include] [--http2]

        The answer's body goes to standard output as it comes. The program in the guest serves the port with
        UseVmChannel("NAME") of VmChannel.AspNetCore, or with any HTTP server on VmChannel.Mux (docs/http.md).

          -H, --header 'NAME: VALUE'
                                a header of the request, as often as wanted
          -d, --data TEXT       what to send: TEXT, @FILE, or - for standard input; its Content-Type is application/json
                                if TEXT begins with { or [, else application/octet-stream, unless --header says otherwise
          -i, --include         print the status and the headers before the body
          --http2               HTTP/2 instead of HTTP/1.1
          --timeout TIME        how long the guest's program may take to be there (default 10s); the answer may take longer

        With --json one object is printed: status, reason, version, headers, and body, or bodyBase64 if that is no text.

        Examples:
          vmchannel http web com.example.api GET /status
          vmchannel http web com.example.api POST /jobs --data '{"name":"build"}'
          vmchannel http web com.example.api PUT /files/a.tar --data @a.tar

        Exit codes: 0 the status is below 400; 1 it is not, or there was no answer.

        Options:

        """;

    private static readonly TimeSpan Shortest = TimeSpan.FromMilliseconds(1);
    private static readonly TimeSpan Longest = TimeSpan.FromHours(24);

    public static Command Create()
    {
        Option<string[]> headers = new("--header", "-H") { HelpName = "NAME: VALUE", Description = "a header of the request" };
        Option<string?> data = new("--data", "-d") { HelpName = "TEXT|@FILE|-", Description = "what to send" };
        Option<bool> include = new("--include", "-i") { Description = "print status and headers, too" };
        Option<bool> http2 = new("--http2") { Description = "HTTP/2 instead of HTTP/1.1" };
        Option<string> timeout = new("--timeout") { HelpName = "TIME", Description = "how long the guest's program may take to be there", DefaultValueFactory = _ => "10s" };
        ClientVerb verb = new("http", "Ask a server in a guest.", Manual, "NAME", "METHOD", "/PATH");
        foreach (Option option in (Option[])[headers, data, include, http2, timeout])
        {
            verb.Command.Add(option);
        }

        return verb.Runs(async (call, cancellationToken) =>
        {
            using HttpRequestMessage request = HttpRequestLine.Read(
                call.Words[1], call.Words[2], call.Parsed.GetValue(headers) ?? [], call.Parsed.GetValue(data), call.Parsed.GetValue(http2));
            HttpAnswer answer = new(call.IsJson, call.Parsed.GetValue(include));
            TimeSpan patience = TimeText.Read("--timeout", call.Parsed.GetValue(timeout)!, Shortest, Longest);
            return await RunAsync(call, request, answer, patience, cancellationToken);
        }).Command;
    }

    private static async Task<int> RunAsync(
        ClientCall call, HttpRequestMessage request, HttpAnswer answer, TimeSpan patience, CancellationToken cancellationToken)
    {
        VmTarget target = await call.FindVmAsync(cancellationToken);
        await using GuestServer server = new(target, call.Words[0], patience);
        using SocketsHttpHandler handler = new()
        {
            ConnectCallback = async (_, cancellation) => await server.ConnectAsync(cancellation),
            UseProxy = false,
            AllowAutoRedirect = false,
        };
        using HttpMessageInvoker invoker = new(handler);
        try
        {
            using HttpResponseMessage response = await invoker.SendAsync(request, cancellationToken);
            await answer.PrintAsync(response, cancellationToken);
            return (int)response.StatusCode < FirstFailure
                ? 0
                : throw new ControlException($"{call.Words[1]} {call.Words[2]}: the server answered {(int)response.StatusCode} {response.ReasonPhrase}");
        }
        catch (HttpRequestException e)
        {
            throw new ControlException($"{target.Vm} {call.Words[0]}: {Innermost(e).Message}", e);
        }
    }

    private static Exception Innermost(Exception e)
        => e.InnerException is IOException or HttpRequestException ? Innermost(e.InnerException) : e;
}
