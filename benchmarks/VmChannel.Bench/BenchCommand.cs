using System.CommandLine;
using VmChannel.Bench.Alone;
using VmChannel.Bench.Api;
using VmChannel.Bench.Fair;
using VmChannel.Bench.Guests;
using VmChannel.Bench.Http;
using VmChannel.Bench.Many;
using VmChannel.Bench.Results;
using VmChannel.Bench.Start;
using VmChannel.Bench.Usb;
using VmChannel.Cli.Fetch;
using VmChannel.Cli.Run;

namespace VmChannel.Bench;

/// <summary>The command line: which scenarios, how often, for people or for programs.</summary>
internal static class BenchCommand
{
    private static readonly string[] Scenarios = ["qemu", "uml", "usb", "device", "many", "fair", "start", "api", "http"];

    /// <summary>What is measured.</summary>
    /// <exception cref="BenchException">Nobody says.</exception>
    public static string Program
        => Environment.GetEnvironmentVariable("VMCHANNEL") ?? throw new BenchException("VMCHANNEL does not say which program to measure; ./bench does");

    public static RootCommand Create()
    {
        Argument<string[]> scenarios = new("scenario") { Arity = ArgumentArity.ZeroOrMore, Description = $"which to run: {string.Join(", ", Scenarios)} (default: all)" };
        Option<bool> json = new("--json") { Description = "print every value as JSON instead of a table" };
        Option<int> runs = new("--runs") { Description = "pairs of runs of each measure", DefaultValueFactory = _ => 5 };
        Option<double> seconds = new("--seconds") { Description = "about how long one throughput run takes", DefaultValueFactory = _ => 0.5 };
        Option<int> turns = new("--round-trips") { Description = "turns of each round-trip run", DefaultValueFactory = _ => 2000 };
        Option<string> only = new("--only") { Description = "take only measures whose name contains this", DefaultValueFactory = _ => "" };
        Option<int> poll = new("--poll-us") { Description = "--poll-us of our device in the scenarios qemu, uml and usb" };
        Option<bool> profile = new("--profile") { Description = "count system calls as well, in the scenarios qemu and uml: needs perf" };
        scenarios.AcceptOnlyFromAmong(Scenarios);
        RootCommand root = new("Measures vmchannel. Medians of paired runs, smallest and largest in brackets.")
        {
            scenarios, json, runs, seconds, turns, only, poll, profile,
        };
        root.Add(CallerCommand.Create());
        root.SetAction((parsed, cancellationToken) => RunAsync(
            parsed.GetValue(scenarios) is { Length: > 0 } chosen ? chosen : Scenarios,
            new BenchSettings(
                parsed.GetValue(runs),
                parsed.GetValue(seconds),
                parsed.GetValue(turns),
                parsed.GetValue(only)!,
                parsed.GetValue(poll),
                parsed.GetValue(profile)),
            parsed.GetValue(json),
            cancellationToken));
        return root;
    }

    private static async Task<int> RunAsync(string[] scenarios, BenchSettings settings, bool json, CancellationToken cancellationToken)
    {
        MachineFacts machine = await MachineFacts.ReadAsync(cancellationToken);
        List<Section> sections = [];
        try
        {
            foreach (string scenario in scenarios)
            {
                await Console.Error.WriteLineAsync($"bench: {scenario} …");
                IReadOnlyList<Section> ran = await RunAsync(scenario, settings, cancellationToken);
                sections.AddRange(ran);
                if (!json)
                {
                    Console.WriteLine(string.Join('\n', ran.Select(TextReport.Write)));
                }
            }
        }
        catch (Exception error) when (error is BenchException or RunException or FetchException or IOException)
        {
            await Console.Error.WriteLineAsync($"bench: {error.Message}");
            return 1;
        }

        if (json)
        {
            await using Stream output = Console.OpenStandardOutput();
            JsonReport.Write(output, machine, sections);
        }
        else
        {
            Console.WriteLine(machine);
        }

        return 0;
    }

    private static async Task<IReadOnlyList<Section>> RunAsync(string scenario, BenchSettings settings, CancellationToken cancellationToken)
    {
        using PrivateFolder folder = PrivateFolder.Create(isTerminal: false);
        if (scenario == "device")
        {
            using AloneScenario alone = new(settings, folder.Path);
            return [alone.Run()];
        }

        if (scenario == "many")
        {
            return [await new ManyScenario(settings, Program, folder.Path).RunAsync()];
        }

        if (scenario == "fair")
        {
            await using FairRig rig = await FairRig.StartAsync(Program, folder.Path);
            return [new FairScenario(settings, rig).Run()];
        }

        if (scenario == "start")
        {
            return [new StartScenario(settings, Program, folder.Path).Run()];
        }

        if (scenario == "api")
        {
            await using BusyServer server = await BusyServer.StartAsync(Program, folder.Path);
            using ApiScenario api = new(settings, server);
            return [api.Run()];
        }

        if (scenario == "http")
        {
            await using WebGuest guest = await WebGuest.StartAsync(Program, folder.Path);
            return [await new HttpScenario(settings, guest).RunAsync()];
        }

        if (scenario == "usb")
        {
            await using UsbRig usb = await UsbRig.BootAsync(folder.Path, settings.PollMicroseconds, cancellationToken);
            return new UsbScenario(settings, usb).Run();
        }

        Vmm vmm = scenario == "qemu" ? Vmm.Qemu : Vmm.Uml;
        await using GuestRig guests = await GuestRig.BootAsync(vmm, folder.Path, settings.PollMicroseconds, cancellationToken);
        return new GuestScenario(settings, guests).Run(vmm);
    }
}
