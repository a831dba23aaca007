using System.CommandLine;
using System.CommandLine.Help;
using System.CommandLine.Invocation;

namespace VmChannel.Cli.CommandLine;

/// <summary><c>--help</c>: the command's own page, or else one made from its options.</summary>
internal sealed class HelpPage(HelpAction made) : SynchronousCommandLineAction
{
    public override bool ClearsParseErrors => true;

    public override int Invoke(ParseResult parseResult)
    {
        if (parseResult.CommandResult.Command is ManualCommand command)
        {
            StandardStream.WriteOutput(command.Manual);
            return 0;
        }

        using StringWriter page = new();
        parseResult.InvocationConfiguration.Output = page;
        int code = made.Invoke(parseResult);
        StandardStream.WriteOutput(page.ToString());
        return code;
    }
}
