using System.CommandLine;
using VmChannel.Cli.Fetch;

RootCommand root = new("Named byte-stream channels between a host and its virtual machines.")
{
    FetchCommand.Create(),
};
return await root.Parse(args).InvokeAsync();
