using System.CommandLine;
using System.CommandLine.Completions;
using VmChannel.Cli.CommandLine;
using VmChannel.Control;

namespace VmChannel.Cli.Client;

/// <summary>A command that talks to a running server: <c>vmchannel VERB [VM] WORDS…</c>, where a VM that is the only one may be left out.</summary>
internal sealed class ClientVerb
{
    private static readonly TimeSpan CompletionTime = TimeSpan.FromSeconds(1);

    private readonly ClientOptions _options = new();
    private readonly Argument<string[]> _words;
    private readonly int _count;
    private readonly int _portAt;
    private readonly int _vmAt;
    private readonly int _optional;

    /// <param name="name">The verb.</param>
    /// <param name="description">One line.</param>
    /// <param name="manual">Its page, up to the options every verb has.</param>
    /// <param name="words">
    /// What it needs, in upper case: <c>PORT</c>, <c>OPTIONS</c>; after the VM, or where <c>[VM]</c> is among them. A last one that
    /// may be left out, <c>[PORT]</c>, takes a VM before it.
    /// </param>
    public ClientVerb(string name, string description, string manual, params string[] words)
    {
        _vmAt = Math.Max(0, Array.IndexOf(words, "[VM]"));
        string[] needed = [.. words.Where(word => word != "[VM]")];
        _optional = needed is [.., "[PORT]"] ? 1 : 0;
        _count = needed.Length - _optional;
        _portAt = Array.FindIndex(needed, word => word is "PORT" or "NAME" or "[PORT]");
        string usage = string.Join(' ', [.. needed[.._vmAt], "[VM]", .. needed[_vmAt..]]);
        _words = new Argument<string[]>(usage) { Arity = new ArgumentArity(0, needed.Length + 2) };
        _words.CompletionSources.Add(Complete);
        Command = new ManualCommand(name, description, manual + ClientOptions.Manual) { _words };
        _options.AddTo(Command);
    }

    public ManualCommand Command { get; }

    /// <summary>What the command does, once its line is read.</summary>
    public ClientVerb Runs(Func<ClientCall, CancellationToken, Task> action)
        => Runs(async (call, cancellationToken) =>
        {
            await action(call, cancellationToken);
            return 0;
        });

    /// <summary>What the command does, once its line is read; it says its exit code.</summary>
    public ClientVerb Runs(Func<ClientCall, CancellationToken, Task<int>> action)
    {
        Command.SetAction(async (parsed, cancellationToken) =>
        {
            string[] words = parsed.GetValue(_words) ?? [];
            if (words.Length < _count || words.Length > _count + 1 + _optional)
            {
                throw new UsageException($"{Command.Name}: give {_words.Name}");
            }

            string? vm = words.Length > _count ? words[_vmAt] : null;
            string[] others = vm is null ? words : [.. words[.._vmAt], .. words[(_vmAt + 1)..]];
            return await action(new ClientCall(_options.Read(parsed), vm, others, _options.IsJson(parsed), parsed), cancellationToken);
        });
        return this;
    }

    /// <summary>What a shell may complete: names of VMs, then of the VM's ports.</summary>
    private IEnumerable<CompletionItem> Complete(CompletionContext context)
    {
        string[] given = [.. context.ParseResult.GetResult(_words)?.Tokens.Select(token => token.Value) ?? []];
        if (given.Length > 0 && given[^1] == context.WordToComplete)
        {
            given = given[..^1];
        }

        try
        {
            ServerFinder finder = _options.Read(context.ParseResult);
            IEnumerable<string> ports = _portAt >= 0 && (_portAt == given.Length || _portAt == given.Length - 1)
                ? PortsAsync(finder, _portAt == given.Length ? null : given[_vmAt]).GetAwaiter().GetResult()
                : [];
            return [.. (given.Length == _vmAt ? finder.Names() : []).Concat(ports).Select(name => new CompletionItem(name))];
        }
        catch (Exception e) when (e is IOException or UsageException or OperationCanceledException)
        {
            return [];
        }
    }

    private static async Task<IEnumerable<string>> PortsAsync(ServerFinder finder, string? vm)
    {
        using CancellationTokenSource limit = new(CompletionTime);
        VmTarget target = await finder.FindAsync(vm, limit.Token);
        using ControlClient client = target.Client;
        return (await client.GetPortsAsync(target.Vm, limit.Token)).Select(port => port.Protocol ?? PortText.Number(port));
    }
}
