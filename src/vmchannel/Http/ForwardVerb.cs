using System.CommandLine;
using System.Security.Cryptography;
using VmChannel.Cli.Client;
using VmChannel.Cli.CommandLine;

namespace VmChannel.Cli.Http;

/// <summary><c>vmchannel forward</c>: an address of this machine becomes a server's in a guest.</summary>
internal static class ForwardVerb
{
    private const string Manual = """
        vmchannel forward - give programs of this machine a server in a guest

        Usage:
          vmchannel forward [ADDRESS:]PORT [VM] NAME [-v]
          vmchannel forward unix:PATH [VM] NAME [-v]

        Listens there, on 127.0.0.1 if no address is given, and passes each connection to the guest's program on the port
        NAME, which serves it with UseVmChannel or VmChannel.Mux. Browsers, curl, and whatever speaks TCP can use it; bytes
        pass unchanged. Port 0 takes a free one. The first line printed is the URL. Goes on while the guest's program
        restarts; ends with Ctrl-C or SIGTERM, and then its connections do. It has the guest's port to itself meanwhile.

          -v, --verbose         a line for each connection: who, and how many bytes each way
          --timeout TIME        how long the guest's program may take to be there for a connection (default 10s)

        Anybody who reaches the address reaches the server: an address other than loopback opens it to the network.
        A unix socket is for this user alone.

        Examples:
          vmchannel forward 8080 web com.example.api
          vmchannel forward unix:/run/user/1000/api.sock web com.example.api

        Exit codes: 0 ended by Ctrl-C or SIGTERM; 1 it could not begin; 2 the command line makes no sense.

        Options:

        """;

    private static readonly TimeSpan Shortest = TimeSpan.FromMilliseconds(1);
    private static readonly TimeSpan Longest = TimeSpan.FromHours(24);

    public static Command Create()
    {
        Option<bool> verbose = new("--verbose", "-v") { Description = "a line for each connection" };
        Option<string> timeout = new("--timeout") { HelpName = "TIME", Description = "how long the guest's program may take to be there", DefaultValueFactory = _ => "10s" };
        ClientVerb verb = new("forward", "Give programs of this machine a server in a guest.", Manual, "ADDRESS", "[VM]", "NAME");
        verb.Command.Add(verbose);
        verb.Command.Add(timeout);
        return verb.Runs(async (call, ended) =>
        {
            if (call.IsJson)
            {
                throw new UsageException("forward: --json is for answers, and this passes bytes");
            }

            ForwardAddress address = ForwardAddress.Read(call.Words[0]);
            TimeSpan patience = TimeText.Read("--timeout", call.Parsed.GetValue(timeout)!, Shortest, Longest);
            ended.ThrowIfCancellationRequested();
            using StopSignals signals = new();
            try
            {
                VmTarget target = await call.FindVmAsync(signals.Token);
                await using GuestServer server = new(target, call.Words[1], patience);
                string name = await server.DescribeAsync(signals.Token);

                // Every connection to the guest needs OpenSSL, and .NET aborts a process that has no descriptor left to load it with.
                RandomNumberGenerator.Fill(stackalloc byte[1]);
                using ForwardListener listener = ForwardListener.Open(address);
                _ = StandardStream.WriteOutput($"{listener.Url} -> {name}\n");
                await listener.RunAsync(server, call.Parsed.GetValue(verbose), signals.Token);
                return 0;
            }
            catch (OperationCanceledException) when (signals.ExitCode is not null)
            {
                return 0;
            }
        }).Command;
    }
}
