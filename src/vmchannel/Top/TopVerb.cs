using System.CommandLine;
using System.Text.Json;
using VmChannel.Cli.Client;
using VmChannel.Cli.CommandLine;
using VmChannel.Control;
using VmChannel.Native;

namespace VmChannel.Cli.Top;

/// <summary><c>vmchannel top</c>: how fast bytes move, port by port.</summary>
internal static class TopVerb
{
    private const string Manual = """
        vmchannel top - show how fast bytes move, port by port

        Usage:
          vmchannel top [VM] [--interval TIME] [-n COUNT]

        A table of all ports, the busiest first, drawn anew every second. FROM GUEST and TO GUEST are bytes per second,
        MSG/s buffers of the guest per second, CLIENTS those besides the host end; STATE says which side has the port
        closed, or what is the matter. On a terminal: q quits, s sorts by rate, by all bytes so far, by VM and number.
        Elsewhere: one table after the other, or with --json one object to a line.

          --interval TIME       how often, such as 5s or 500ms (default 1s)
          -n COUNT              end after so many

        Examples:
          vmchannel top
          vmchannel top web -n 1
          vmchannel top --json --interval 10s | jq -c '.ports[] | {vm, name: .port.protocol, fromGuestBytesPerSecond}'

        Options:

        """;

    private static readonly TimeSpan Shortest = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan Longest = TimeSpan.FromHours(1);

    public static Command Create()
    {
        Option<string> interval = new("--interval") { HelpName = "TIME", Description = "how often", DefaultValueFactory = _ => "1s" };
        Option<long?> count = new("-n") { HelpName = "COUNT", Description = "end after so many" };
        ClientVerb verb = new("top", "Show how fast bytes move, port by port.", Manual);
        verb.Command.Add(interval);
        verb.Command.Add(count);
        return verb.Runs((call, _) =>
        {
            long? times = call.Parsed.GetValue(count);
            return times is < 1
                ? throw new UsageException($"-n {times}: a number from 1 on is needed")
                : RunAsync(call, TimeText.Read("--interval", call.Parsed.GetValue(interval)!, Shortest, Longest), times);
        }).Command;
    }

    private static async Task<int> RunAsync(ClientCall call, TimeSpan interval, long? count)
    {
        using StopSignals signals = new();
        try
        {
            RateSampler sampler = await BeginAsync(call, signals.Token);
            if (!call.IsJson && Terminal.Is(FileDescriptor.Borrow(1)) && Terminal.Is(FileDescriptor.Borrow(0)))
            {
                using TopScreen screen = new(sampler, interval);
                await screen.RunAsync(count, signals.Token);
            }
            else
            {
                await PrintAsync(sampler, call.IsJson, interval, count, signals.Token);
            }

            return 0;
        }
        catch (OperationCanceledException) when (signals.ExitCode is not null)
        {
            return 0; // the usual way to end it
        }
    }

    private static async Task<RateSampler> BeginAsync(ClientCall call, CancellationToken cancellationToken)
    {
        if (call.Vm is not null)
        {
            VmTarget target = await call.FindVmAsync(cancellationToken);
            return new RateSampler([target.Client], target.Vm);
        }

        IReadOnlyList<(ControlClient Client, IReadOnlyList<VmInfo> Vms)> servers = await call.Servers.ListAsync(cancellationToken);
        return servers.Count > 0
            ? new RateSampler(servers.Select(server => server.Client), vm: null)
            : throw new ControlException("no VM is served: vmchannel serve starts one");
    }

    private static async Task PrintAsync(RateSampler sampler, bool isJson, TimeSpan interval, long? count, CancellationToken cancellationToken)
    {
        _ = await sampler.NextAsync(cancellationToken);
        for (long printed = 0; count is null || printed < count; printed++)
        {
            await Task.Delay(interval, cancellationToken);
            RatesReport report = await sampler.NextAsync(cancellationToken);
            string text = isJson
                ? JsonSerializer.Serialize(report, ControlJson.Default.RatesReport) + "\n"
                : $"{(printed == 0 ? "" : "\n")}{RateTable.Title(report)}\n{RateTable.Of(report, TopOrder.Rate, ControlText.Width)}";
            if (!StandardStream.WriteOutput(text))
            {
                return;
            }
        }
    }
}
