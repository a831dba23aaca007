using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using VmChannel.Control;

namespace VmChannel.Bench.Api;

/// <summary><c>VmChannel.Bench callers</c>: many clients of a control API, in a process that <see cref="ApiCallers"/> starts.</summary>
/// <remarks>
/// On standard input <c>go MILLISECONDS</c> and <c>stop</c>; on standard output <c>ready</c>, and <c>done CALLS SECONDS</c> after each stop.
/// Every client has a connection of its own. A tenth listens to events all the time; the others call in waves, all of them at
/// once, the next wave when the last answer is there and no sooner than so many milliseconds after the one before.
/// </remarks>
internal static class CallerCommand
{
    public const string Name = "callers";

    public static Command Create()
    {
        Argument<string> control = new("control") { Description = "path of the control API's socket" };
        Argument<int> clients = new("clients") { Description = "how many" };
        Command command = new(Name, "Many clients of a control API (the other half of the scenario api).") { control, clients };
        command.Hidden = true;
        command.SetAction((parsed, cancellationToken) => RunAsync(parsed.GetValue(control)!, parsed.GetValue(clients), cancellationToken));
        return command;
    }

    private static async Task<int> RunAsync(string path, int count, CancellationToken cancellationToken)
    {
        ControlAddress address = ControlAddress.Unix(path);
        ControlClient[] clients = [.. Enumerable.Range(0, count).Select(_ => new ControlClient(address))];
        ControlClient[] listeners = clients[..(count / 10)];
        ControlClient[] callers = clients[(count / 10)..];
        _ = await WaveAsync(callers);
        _ = Task.WhenAll(listeners.Select(client => ListenAsync(client, cancellationToken)));
        Console.WriteLine("ready");
        using StreamReader commands = new(Console.OpenStandardInput());
        while (await commands.ReadLineAsync(cancellationToken) is string go)
        {
            TimeSpan pace = TimeSpan.FromMilliseconds(int.Parse(go.Split(' ')[1], CultureInfo.InvariantCulture));
            Task<string?> stop = commands.ReadLineAsync(cancellationToken).AsTask();
            long started = Stopwatch.GetTimestamp();
            long calls = 0;
            while (!stop.IsCompleted)
            {
                Task tick = Task.Delay(pace, cancellationToken);
                calls += await WaveAsync(callers);
                _ = await Task.WhenAny(tick, stop);
            }

            Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"done {calls} {Stopwatch.GetElapsedTime(started).TotalSeconds}"));
        }

        return 0;
    }

    private static async Task<int> WaveAsync(ControlClient[] callers)
    {
        await Task.WhenAll(callers.Select((client, index) => index % 2 == 0
            ? (Task)client.GetPortsAsync(BusyServer.Vm)
            : client.InspectAsync(BusyServer.Vm)));
        return callers.Length;
    }

    private static async Task ListenAsync(ControlClient client, CancellationToken cancellationToken)
    {
        await foreach (EventMessage _ in client.WatchAsync(cancellationToken: cancellationToken))
        {
        }
    }
}
