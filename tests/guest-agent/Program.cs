using System.Globalization;
using VmChannel.GuestAgent;

// Says what came of it on standard output; anything unexpected ends it with a stack trace.
Scenario scenario = new(Console.Out);
string name = args.Length > 1 ? args[1] : "";
int number = args.Length > 2 ? int.Parse(args[2], CultureInfo.InvariantCulture) : 0;
switch (args[0])
{
    case "cycles":
        await scenario.CyclesAsync(name, number);
        break;
    case "exchange":
        await scenario.ExchangeAsync(name, number);
        break;
    case "crowd":
        await scenario.CrowdAsync(name, number);
        break;
    case "read":
        await scenario.ReadAsync(name);
        break;
    case "write":
        await scenario.WriteAsync(name);
        break;
    case "open":
        await scenario.OpenAsync(name, number);
        break;
    case "cancel":
        await scenario.CancelAsync(name, number);
        break;
    case "allocate":
        await scenario.AllocateAsync(name, number);
        break;
    case "hosts":
        await scenario.HostsAsync(name, number);
        break;
    case "answer":
        await Scenario.AnswerAsync(name);
        break;
    case "watch":
        await scenario.WatchAsync(name);
        break;
    case "list":
        scenario.List();
        break;
    default:
        throw new ArgumentException($"no scenario {args[0]}");
}
