using System.CommandLine;

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
        List<PackageSet> sets = [];
        foreach (string name in names.Length == 0 && !all ? ["uml"] : names)
        {
            PackageSet? set = PackageSets.Find(name);
            if (set is null)
            {
                await Console.Error.WriteLineAsync(
                    $"vmchannel: fetch: nothing is called '{name}'; there is {string.Join(", ", PackageSets.All.Select(known => known.Name))}");
                return 2;
            }

            sets.Add(set);
        }

        try
        {
            PackageStore store = new(CacheFolder.Default, new ProgressLine());
            foreach (PackageSet set in all ? PackageSets.All : sets)
            {
                Console.WriteLine(await store.GetAsync(set, cancellationToken));
            }

            return 0;
        }
        catch (FetchException error)
        {
            await Console.Error.WriteLineAsync($"vmchannel: fetch: {error.Message}");
            return 1;
        }
    }
}
