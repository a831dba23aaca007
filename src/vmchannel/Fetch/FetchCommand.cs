using System.CommandLine;
using VmChannel.Cli.CommandLine;

namespace VmChannel.Cli.Fetch;

/// <summary><c>vmchannel fetch</c>: gets guests, kernels and tools ahead of time. Prints one folder per set.</summary>
internal static class FetchCommand
{
    public static Command Create()
    {
        Argument<string[]> names = new("set")
        {
            Arity = ArgumentArity.ZeroOrMore,
            Description = "what to get: " + string.Join(", ", PackageSets.All.Select(set => set.Name)) + " (default: uml)",
        };
        Option<bool> all = new("--all") { Description = "get everything" };
        Command command = new("fetch", "Get the guests, kernels and tools that run and the tests use, without root.") { names, all };
        command.SetAction((parsed, cancellationToken) =>
            RunAsync(parsed.GetValue(names) ?? [], parsed.GetValue(all), cancellationToken));
        return command;
    }

    private static async Task<int> RunAsync(string[] names, bool all, CancellationToken cancellationToken)
    {
        IReadOnlyList<PackageSet> sets = all ? PackageSets.All
            : names.Length == 0 ? [PackageSets.Uml]
            : [.. names.Select(Find)];
        PackageStore store = new(CacheFolder.Default, new ProgressLine());
        foreach (PackageSet set in sets)
        {
            string folder;
            try
            {
                folder = await store.GetAsync(set, cancellationToken);
            }
            catch (FetchException error)
            {
                StandardStream.WriteError($"vmchannel: fetch: {error.Message}\n");
                return 1;
            }

            StandardStream.WriteOutput($"{folder}\n");
        }

        return 0;
    }

    private static PackageSet Find(string name) =>
        PackageSets.Find(name)
        ?? throw new UsageException($"fetch {name}: nothing is called so; there is {string.Join(", ", PackageSets.All.Select(known => known.Name))}");
}
