using System.CommandLine;
using VmChannel.Cli.Args;
using VmChannel.Cli.Client;
using VmChannel.Cli.CommandLine;
using VmChannel.Cli.Fetch;
using VmChannel.Cli.Run;
using VmChannel.Cli.Serve;
using VmChannel.Native;

StandardDescriptors.Complete();
RootCommand root = new("Named byte-stream channels between a host and its virtual machines.")
{
    ServeCommand.Create(),
    RunVerb.Create(),
    ArgsCommand.Create(),
    FetchCommand.Create(),
    CompletionCommand.Create(),
};
foreach (Command verb in ClientVerbs.Create())
{
    root.Add(verb);
}

return await CommandRunner.RunAsync(root, args);
