using System.CommandLine;
using VmChannel.Wire;

namespace VmChannel.GuestTool.Handlers;

/// <summary><c>run</c>: starts a program with a channel as its standard input and output, whenever the host opens the channel.</summary>
internal static class RunVerb
{
    private static readonly TimeSpan DefaultKillAfter = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan DefaultRestartDelay = TimeSpan.FromSeconds(1);

    public static Command Create()
    {
        Argument<ProtocolName> name = new("NAME") { Description = "Protocol name, such as org.example.log", CustomParser = OpenVerb.ParseName };
        Argument<string[]> handler = new("HANDLER")
        {
            Description = "After --: the program and its arguments. It finds VMCHANNEL_NAME, VMCHANNEL_TRANSPORT, VMCHANNEL_DEVICE and "
                + "VMCHANNEL_GENERATION (1, 2, … for each start) in its environment",
            Arity = ArgumentArity.OneOrMore,
        };
        Option<bool> once = new("--once") { Description = "End with the first handler, and with its exit code" };
        Option<TimeSpan> wait = new("--wait")
        {
            Description = "Wait that many seconds for the channel to be plugged in (--wait=5), not for ever",
            CustomParser = OpenVerb.ParseSeconds,
            DefaultValueFactory = _ => Timeout.InfiniteTimeSpan,
        };
        Option<TimeSpan> killAfter = Seconds(
            "--kill-after", "After the host has closed its end: seconds until the handler gets SIGTERM, and after as many more SIGKILL (default 5)", DefaultKillAfter);
        Option<TimeSpan> restartDelay = Seconds("--restart-delay", "After a handler that failed: seconds until the next may start (default 1)", DefaultRestartDelay);
        Command command = new(
            "run",
            "Start a program with the channel as its standard input and output, whenever the host opens the channel. When the host closes "
            + "its end the program's input ends; when the program ends the port is closed, which the host sees. Waits through unplugging.")
        {
            name, handler, once, wait, killAfter, restartDelay,
        };
        command.SetAction((parsed, _) => RunAsync(
            parsed.GetRequiredValue(handler),
            new HandlerLoop(
                parsed.GetRequiredValue(name).Text,
                parsed.GetValue(wait),
                parsed.GetValue(once),
                parsed.GetValue(killAfter),
                parsed.GetValue(restartDelay))));
        return command;
    }

    private static Option<TimeSpan> Seconds(string name, string description, TimeSpan value)
        => new(name) { Description = description, CustomParser = OpenVerb.ParseSeconds, DefaultValueFactory = _ => value };

    private static async Task<int> RunAsync(string[] argv, HandlerLoop loop)
    {
        if (HandlerProgram.Find(argv, out string? reason) is not HandlerProgram program)
        {
            return Failure.Report(reason!);
        }

        using StopRequest stop = new();
        try
        {
            return await loop.RunAsync(program, stop);
        }
        catch (OperationCanceledException) when (stop.Token.IsCancellationRequested)
        {
            return Failure.None;
        }
        catch (IOException fault)
        {
            return Failure.Report(fault.Message);
        }
    }
}
