using System.CommandLine;
using VmChannel.Cli.Client;
using VmChannel.Cli.CommandLine;
using VmChannel.Control.Agent;

namespace VmChannel.Cli.Agent;

/// <summary><c>vmchannel agent</c>: what a VM's guest agent can do.</summary>
internal static class AgentVerb
{
    private static readonly TimeSpan Shortest = TimeSpan.FromMilliseconds(1);
    private static readonly TimeSpan Longest = TimeSpan.FromHours(24);

    private static readonly Dictionary<string, Func<AgentCall, CancellationToken, Task<int>>> Actions = new(StringComparer.Ordinal)
    {
        ["ping"] = AgentAnswers.PingAsync,
        ["info"] = AgentAnswers.InfoAsync,
        ["exec"] = ExecAction.RunAsync,
        ["cp"] = CopyAction.RunAsync,
        ["fsfreeze"] = AgentAnswers.FreezeAsync,
        ["shutdown"] = AgentAnswers.ShutdownAsync,
        ["call"] = AgentAnswers.CallAsync,
    };

    public static Command Create()
    {
        Option<string> timeout = new("--timeout") { HelpName = "TIME", Description = "how long the agent may be silent, or take to start", DefaultValueFactory = _ => "5s" };
        Option<string> port = new("--port") { HelpName = "PORT", Description = "the agent's port", DefaultValueFactory = _ => GuestAgent.PortName };
        Option<bool> beside = new("--beside") { Description = "although another client has the port" };
        Option<bool> noInput = new("--no-input", "-n") { Description = "exec: no input" };
        Option<string[]> environment = new("--env") { HelpName = "NAME=VALUE", Description = "exec: the command's environment" };
        Option<string?> limit = new("--limit") { HelpName = "TIME", Description = "exec: how long the command may take" };
        ClientOptions client = new();
        Argument<string[]> words = new("[VM] ACTION [WORD]...") { Arity = ArgumentArity.ZeroOrMore };
        words.CompletionSources.Add(context => [.. Actions.Keys.Concat(client.Read(context.ParseResult).Names()).Select(word => new System.CommandLine.Completions.CompletionItem(word))]);
        ManualCommand verb = new("agent", "Ask the QEMU guest agent of a VM.", AgentManual.Text + ClientOptions.Manual)
        {
            words, timeout, port, beside, noInput, environment, limit,
        };
        client.AddTo(verb);
        verb.SetAction(async (parsed, _) =>
        {
            string[] given = parsed.GetValue(words) ?? [];
            int at = given is [string first, ..] && Actions.ContainsKey(first) ? 0 : 1;
            if (given.Length <= at || !Actions.TryGetValue(given[at], out Func<AgentCall, CancellationToken, Task<int>>? action))
            {
                throw new UsageException($"agent: say {string.Join(", ", Actions.Keys)} after the VM");
            }

            string[] others = given[(at + 1)..];
            AgentCall call = new(
                new ClientCall(client.Read(parsed), at == 0 ? null : given[0], others, client.IsJson(parsed), parsed),
                new GuestAgentOptions
                {
                    Port = parsed.GetValue(port)!,
                    Timeout = TimeText.Read("--timeout", parsed.GetValue(timeout)!, Shortest, Longest),
                    IsBeside = parsed.GetValue(beside),
                })
            {
                HasInput = !parsed.GetValue(noInput),
                Environment = parsed.GetValue(environment) ?? [],
                Limit = parsed.GetValue(limit) is string time ? TimeText.Read("--limit", time, Shortest, Longest) : Timeout.InfiniteTimeSpan,
            };
            using StopSignals signals = new();
            try
            {
                return await action(call, signals.Token);
            }
            catch (OperationCanceledException) when (signals.ExitCode is not null)
            {
                return signals.ExitCode.Value;
            }
        });
        return verb;
    }
}
