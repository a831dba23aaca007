using System.CommandLine;
using VmChannel.Cli.Fetch;
using VmChannel.Cli.Run;

RootCommand root = new("Named byte-stream channels between a host and its virtual machines.")
{
    RunVerb.Create(),
    FetchCommand.Create(),
};

// Signals are the verbs' business: run passes them on to its guest, however long that takes.
return await root.Parse(args).InvokeAsync(new InvocationConfiguration { ProcessTerminationTimeout = null });
