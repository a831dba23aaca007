using System.Text.Json;
using VmChannel.Cli.CommandLine;
using VmChannel.Control;

namespace VmChannel.Cli.Client;

/// <summary><c>vmchannel watch</c>: the events of one VM, or of all servers there are.</summary>
internal static class EventPrinter
{
    public static async Task RunAsync(ClientCall call, CancellationToken cancellationToken)
    {
        using CancellationTokenSource stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        List<ControlClient> clients = call.Vm is null
            ? [.. (await call.Servers.ListAsync(cancellationToken)).Select(server => server.Client)]
            : [(await call.FindVmAsync(cancellationToken)).Client];
        if (clients.Count == 0)
        {
            throw new ControlException("no VM is served: vmchannel serve starts one");
        }

        Task[] listening = [.. clients.Select(client => PrintAsync(client, call, stop.Token))];
        try
        {
            await await Task.WhenAny(listening);
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
        }
        finally
        {
            await stop.CancelAsync();
        }
    }

    private static async Task PrintAsync(ControlClient client, ClientCall call, CancellationToken cancellationToken)
    {
        await foreach (EventMessage message in client.WatchAsync(call.Vm, after: null, cancellationToken))
        {
            if (!StandardStream.WriteOutput(Line(message, call.IsJson)))
            {
                return; // nobody reads any more
            }
        }

        throw new ControlException("the server has ended");
    }

    private static string Line(EventMessage message, bool isJson) => (message, isJson) switch
    {
        ({ Event: ChannelEvent told }, true) => JsonSerializer.Serialize(told, ControlJson.Default.ChannelEvent) + "\n",
        ({ Missed: MissedEvents missed }, true) => JsonSerializer.Serialize(missed, ControlJson.Default.MissedEvents) + "\n",
        ({ Event: ChannelEvent told }, false) => ControlText.Event(told),
        ({ Missed: MissedEvents missed }, false) => $"{missed.Count} events were missed: this terminal was too slow\n",
        _ => "",
    };
}
