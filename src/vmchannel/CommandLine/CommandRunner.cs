using System.CommandLine;
using System.CommandLine.Help;

namespace VmChannel.Cli.CommandLine;

/// <summary>Runs a command line: 0 = ok, 1 = it failed, 2 = it made no sense; one line says why.</summary>
internal static class CommandRunner
{
    /// <summary>Exit code of a command line, or a configuration file, that makes no sense.</summary>
    public const int Usage = 2;

    private const int Failure = 1;

    public static async Task<int> RunAsync(RootCommand root, string[] args)
    {
        foreach (HelpOption help in root.Options.OfType<HelpOption>())
        {
            help.Action = new HelpPage((HelpAction)help.Action!);
        }

        // QEMU's long options have one dash, and an @ at the beginning is part of a name.
        ParseResult parsed = root.Parse(args, new ParserConfiguration { EnablePosixBundling = false, ResponseFileTokenReplacer = null });
        try
        {
            if (parsed.Errors.Count > 0 && parsed.Action is null or System.CommandLine.Invocation.ParseErrorAction)
            {
                throw new UsageException(parsed.Errors[0].Message);
            }

            int code = await parsed.InvokeAsync(new InvocationConfiguration
            {
                EnableDefaultExceptionHandler = false,
                ProcessTerminationTimeout = null,
            });
            if (StandardStream.OutputFailure is not string failure)
            {
                return code;
            }

            StandardStream.Complain($"standard output: {failure}");
            return code == 0 ? Failure : code;
        }
        catch (UsageException e)
        {
            StandardStream.Complain($"{e.Message} (see {Path(parsed.CommandResult.Command)} --help)");
            return Usage;
        }
        catch (Exception e) when (IsForeseen(e))
        {
            StandardStream.Complain(e.Message);
            return Failure;
        }
    }

    /// <summary>What files and other programs can do to us; anything else is a defect.</summary>
    public static bool IsForeseen(Exception failure) => failure is IOException or UnauthorizedAccessException or InvalidDataException;

    private static string Path(Command command)
        => command is RootCommand ? "vmchannel" : $"{Path(command.Parents.OfType<Command>().First())} {command.Name}";
}
