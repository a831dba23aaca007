using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Microsoft.AspNetCore.Http;

namespace VmChannel.Cli.Control;

/// <summary>One operation of the control API: what it is called, what it takes and gives. The OpenAPI document says the same.</summary>
internal sealed record ControlRoute
{
    /// <summary>Questions are answered by a part of the processors, whatever their number: the loops have work to do.</summary>
    private static readonly SemaphoreSlim Turns = new(Math.Max(1, Environment.ProcessorCount / 2));

    private readonly string[] _segments = [];

    /// <summary>HTTP's method.</summary>
    public required string Method { get; init; }

    /// <summary>Such as <c>/v1/vms/{vm}</c>.</summary>
    public required string Pattern
    {
        get => '/' + string.Join('/', _segments);
        init => _segments = value.Split('/', StringSplitOptions.RemoveEmptyEntries);
    }

    /// <summary>One line for people.</summary>
    public required string Summary { get; init; }

    /// <summary>Parameters in the query, and what they mean.</summary>
    public IReadOnlyList<(string Name, string Meaning)> Query { get; init; } = [];

    /// <summary>What the request's body is; null = none.</summary>
    public JsonTypeInfo? Body { get; init; }

    /// <summary>Media types of a body that is data itself.</summary>
    public IReadOnlyList<string> DataBody { get; init; } = [];

    /// <summary>What the answer is, when it is JSON.</summary>
    public JsonTypeInfo? Answer { get; init; }

    /// <summary>The answer's media type, and the status of success.</summary>
    public string MediaType { get; init; } = "application/json";

    /// <summary>Media types that the answer may have besides.</summary>
    public IReadOnlyList<string> OtherMediaTypes { get; init; } = [];

    public int Status { get; init; } = StatusCodes.Status200OK;

    /// <summary>It is to be done within seconds; otherwise it lasts as long as the client listens.</summary>
    public bool IsShort { get; init; } = true;

    /// <summary>Does it. What goes wrong is thrown, and <see cref="Problems"/> makes an answer of it.</summary>
    public required Func<ControlCall, Task> Handler { get; init; }

    /// <summary>An operation that answers with JSON.</summary>
    public static ControlRoute Json<T>(
        string method, string pattern, string summary, JsonTypeInfo<T> answer, Func<ControlCall, Task<T>> handler)
        => new()
        {
            Method = method,
            Pattern = pattern,
            Summary = summary,
            Answer = answer,
            Handler = async call => await call.AnswerAsync(
                method == "GET"
                    ? await InTurnAsync(() => EncodeAsync(call, answer, handler), call.Cancellation)
                    : await EncodeAsync(call, answer, handler)),
        };

    private static async Task<byte[]> EncodeAsync<T>(ControlCall call, JsonTypeInfo<T> answer, Func<ControlCall, Task<T>> handler)
        => JsonSerializer.SerializeToUtf8Bytes(await handler(call), answer);

    private static async Task<byte[]> InTurnAsync(Func<Task<byte[]>> encode, CancellationToken cancellationToken)
    {
        await Turns.WaitAsync(cancellationToken);
        try
        {
            return await encode();
        }
        finally
        {
            _ = Turns.Release();
        }
    }

    /// <summary>An operation that looks at something, once for all who ask for it at the same time.</summary>
    /// <param name="pattern">The path.</param>
    /// <param name="summary">One line for people.</param>
    /// <param name="answer">What the answer is.</param>
    /// <param name="find">Finds what is looked at; whoever finds the same gets the same answer.</param>
    /// <param name="look">Looks, without waiting.</param>
    public static ControlRoute View<TSubject, T>(
        string pattern, string summary, JsonTypeInfo<T> answer, Func<ControlCall, TSubject> find, Func<TSubject, T> look)
        where TSubject : class
    {
        SharedAnswers<TSubject, T> shared = new(look, answer, Turns);
        return new()
        {
            Method = HttpMethods.Get,
            Pattern = pattern,
            Summary = summary,
            Answer = answer,
            Handler = async call => await call.AnswerAsync(await shared.GetAsync(find(call))),
        };
    }

    /// <summary>The values of the pattern's names when a path is of this pattern; null when it is not.</summary>
    /// <param name="path">Split at its slashes, and decoded.</param>
    public Dictionary<string, string>? Match(ReadOnlySpan<string> path)
    {
        if (path.Length != _segments.Length)
        {
            return null;
        }

        Dictionary<string, string> values = [];
        for (int i = 0; i < path.Length; i++)
        {
            if (_segments[i] is ['{', .. string name, '}'])
            {
                values[name] = path[i];
            }
            else if (_segments[i] != path[i])
            {
                return null;
            }
        }

        return values;
    }
}
