using System.Net.ServerSentEvents;
using System.Runtime.CompilerServices;
using System.Text.Json;

namespace VmChannel.Control;

/// <summary>Server-sent events (WHATWG HTML, §9.2) as the contract's messages.</summary>
public static class EventStream
{
    /// <summary>Name of the message that says how many were missed.</summary>
    public const string MissedType = "missed";

    /// <summary>Reads until the stream ends. Messages of unknown types are skipped: a newer server may have more.</summary>
    /// <exception cref="ControlException">The data is not of this contract, or the connection broke.</exception>
    public static async IAsyncEnumerable<EventMessage> ReadAsync(
        Stream stream, [EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        await using IAsyncEnumerator<SseItem<EventMessage>> items = SseParser.Create(stream, Parse).EnumerateAsync(cancellationToken)
            .GetAsyncEnumerator(cancellationToken);
        while (await NextAsync(items))
        {
            if (items.Current.Data is { Event: not null } or { Missed: not null })
            {
                yield return items.Current.Data;
            }
        }
    }

    /// <summary>Moves on in a stream of events. What goes wrong is a <see cref="ControlException"/>.</summary>
    internal static async ValueTask<bool> NextAsync<T>(IAsyncEnumerator<SseItem<T>> items)
    {
        try
        {
            return await items.MoveNextAsync();
        }
        catch (JsonException e)
        {
            throw new ControlException($"an event makes no sense: {e.Message}", e);
        }
        catch (Exception e) when (e is HttpIOException or IOException)
        {
            throw new ControlException($"the server has ended, or the connection broke: {e.Message}", e);
        }
    }

    private static EventMessage Parse(string type, ReadOnlySpan<byte> data) => type switch
    {
        SseParser.EventTypeDefault => new(JsonSerializer.Deserialize(data, ControlJson.Default.ChannelEvent), null),
        MissedType => new(null, JsonSerializer.Deserialize(data, ControlJson.Default.MissedEvents)),
        _ => default,
    };
}
