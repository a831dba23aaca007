using System.CommandLine;
using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using VmChannel.Cli.CommandLine;

namespace VmChannel.Cli.Serve;

/// <summary>The options about a server's loops: how many, and whether they look around before they sleep.</summary>
internal sealed class LoopOptions
{
    /// <summary>A loop that looked around for longer than this would hardly ever sleep.</summary>
    public const int MaxPollMicroseconds = 1000;

    /// <summary>More loops than any machine has processors are a mistake.</summary>
    public const int MaxLoops = 1024;

    private readonly Option<string> _poll = new("--poll-us")
    {
        HelpName = "N",
        Description = $"look around for up to N microseconds before sleeping: faster answers for processor time (0 to {MaxPollMicroseconds}, default 0)",
    };

    private readonly Option<string> _loops = new("--loops")
    {
        HelpName = "N|auto",
        Description = "threads that serve VMs, which are spread over them (default auto: one for each processor)",
    };

    public void AddTo(Command command, bool withLoops)
    {
        command.Add(_poll);
        if (withLoops)
        {
            command.Add(_loops);
        }
    }

    /// <exception cref="UsageException">One of them makes no sense.</exception>
    public LoopPlan Read(ParseResult parsed)
    {
        LoopPlan plan = LoopPlan.Default;
        if (parsed.GetValue(_poll) is string poll)
        {
            plan = TryParsePoll(poll, out TimeSpan time, out string? error) ? plan with { Poll = time } : throw new UsageException($"--poll-us {poll}: {error}");
        }

        if (parsed.GetResult(_loops) is { Tokens: [{ Value: string loops }] })
        {
            plan = TryParseLoops(loops, out int most, out string? error) ? plan with { Most = most } : throw new UsageException($"--loops {loops}: {error}");
        }

        return plan;
    }

    /// <summary>Microseconds to look around.</summary>
    /// <param name="text">Such as <c>50</c>.</param>
    /// <param name="poll">The time.</param>
    /// <param name="error">What is needed instead.</param>
    public static bool TryParsePoll(string text, out TimeSpan poll, [NotNullWhen(false)] out string? error)
    {
        error = int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out int microseconds) && microseconds <= MaxPollMicroseconds
            ? null
            : $"a number of microseconds from 0 to {MaxPollMicroseconds} is needed";
        poll = TimeSpan.FromMicroseconds(microseconds);
        return error is null;
    }

    /// <summary>How many loops.</summary>
    /// <param name="text">A number, or <c>auto</c>.</param>
    /// <param name="most">Loops at most.</param>
    /// <param name="error">What is needed instead.</param>
    public static bool TryParseLoops(string text, out int most, [NotNullWhen(false)] out string? error)
    {
        most = LoopPlan.Default.Most;
        error = text == "auto" || (int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out most) && most is > 0 and <= MaxLoops)
            ? null
            : $"say auto, or a number from 1 to {MaxLoops}";
        return error is null;
    }
}
